import {
  closeSync,
  mkdirSync,
  copyFileSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RunIndex } from "@evb/index";
import { EVB, evb, sentenceOf } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

/** What threads that decode change: how long it takes, and nothing else. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const MINUTE = 60_000;
const EVENTS = 100;

interface Report {
  readonly seconds: number;
  readonly fragments: number;
  readonly bytesRead: number;
  readonly digest: string;
  readonly failures: readonly { readonly event: number; readonly reason: string }[];
  readonly totals: Record<string, string>;
  readonly clients: readonly {
    readonly seconds: number;
    readonly decodeSeconds: number;
  }[];
}

const reportIn = (out: string): Report =>
  JSON.parse(readFileSync(at(join(out, "report.json")), "utf8")) as Report;

function makeRun(name: string, ...words: readonly string[]): void {
  const made = ["--files", "3", "--events", String(EVENTS), "--event-size", "200kB", "--quiet"];
  expect(evb(["generate", at(name), ...made, ...words]).code).toBe(0);
  expect(evb(["index", at(name), "-o", at(`${name}.h5`), "--all", "--quiet"]).code).toBe(0);
}

function run(name: string, out: string, ...words: readonly string[]): ReturnType<typeof evb> {
  return evb(["run", at(`${name}.h5`), "-o", at(out), "--quiet", ...words]);
}

function reportOf(name: string, out: string, ...words: readonly string[]): Report {
  expect(run(name, out, ...words)).toMatchObject({ code: 0, stderr: "" });
  return reportIn(out);
}

const CHUNKS = { "an event a chunk": "1", "16 events a chunk": "16" };

beforeAll(() => {
  makeRun("plain");
  for (const [name, rows] of Object.entries(CHUNKS))
    makeRun(name, "--compression", "gzip:4", "--events-per-chunk", rows);
}, MINUTE);

describe.each(Object.keys(CHUNKS))("threads that decode %s", (name) => {
  let alone: Report;

  beforeAll(() => {
    alone = reportOf(name, `${name} alone`, "--clients", "1", "--decode-threads", "0");
  }, MINUTE);

  test.each(["1", "3"])("find what one thread finds, and read as much: %s", (threads) => {
    const out = `${name} with ${threads}`;
    const report = reportOf(name, out, "--clients", "1", "--decode-threads", threads);
    const { digest, bytesRead, totals } = alone;
    expect(report).toMatchObject({ digest, bytesRead, totals });
    expect(reportOf("plain", `${out}, plain`, "--clients", "1").digest).toBe(digest);
  });

  test("are there in clients of their own process, too, and whose leases are one event each", () => {
    const words = ["--clients", "2", "--batch", "1", "--decode-threads", "2"];
    const { digest, clients } = reportOf(name, `${name} by two`, ...words);
    expect(digest).toBe(alone.digest);
    // Waiting for a thread is decoding, and no more than the client's own time.
    for (const { seconds, decodeSeconds } of clients) expect(decodeSeconds).toBeLessThan(seconds);
  });

  test("say the same of a damaged chunk as one thread does", async () => {
    const hurt = `hurt ${name}`;
    mkdirSync(at(hurt));
    for (const n of [1, 2, 3])
      copyFileSync(at(`${name}/file${String(n)}.h5`), at(`${hurt}/file${String(n)}.h5`));
    expect(evb(["index", at(hurt), "-o", at(`${hurt}.h5`), "--all", "--quiet"]).code).toBe(0);
    const index = await RunIndex.open(at(`${hurt}.h5`));
    const { address, stored } = index.places(Uint16Array.of(1), Uint32Array.of(40))!;
    index.close();
    const fd = openSync(at(`${hurt}/file2.h5`), "r+");
    writeSync(fd, Buffer.alloc(64, 0xee), 0, 64, address[0]! + Math.floor(stored![0]! / 2));
    closeSync(fd);
    const [none, two] = ["0", "2"].map((threads) => {
      const out = `${hurt} ${threads}`;
      expect(run(hurt, out, "--clients", "1", "--decode-threads", threads).code).toBe(1);
      return reportIn(out);
    });
    const rows = Number(CHUNKS[name as keyof typeof CHUNKS]);
    expect(none!.failures).toHaveLength(rows);
    expect(none!.failures[0]!.reason).toMatch(/of file2: the \d+ bytes at byte \d+ of .*file2\.h5/);
    expect(two).toMatchObject({ failures: none!.failures, digest: none!.digest });
  });
});

test(
  "a thread reads and decodes beside the one that analyses",
  () => {
    // A read takes so long, whatever else this machine does, and others can be on their way meanwhile.
    const diskMs = 50;
    const preload = fileURLToPath(new URL("../support/preload/slow-disk.cjs", import.meta.url));
    const words = ["--clients", "1", "--decode-threads", "1", "--read-ahead", "0"];
    const run = [
      "run",
      at("an event a chunk.h5"),
      "-o",
      at("beside"),
      "--events",
      "0:50",
      ...words,
    ];
    const { status } = spawnSync(process.execPath, [EVB, ...run, "--quiet"], {
      env: { ...process.env, NODE_OPTIONS: `--require=${preload}`, EVB_DISK_MS: String(diskMs) },
    });
    expect(status).toBe(0);
    const { seconds, fragments } = reportIn("beside");
    expect(seconds).toBeLessThan((0.85 * fragments * diskMs) / 1000);
  },
  MINUTE,
);

describe("what an analysis is given", () => {
  /** One event late it looks whether what it kept is still what it was; what it didn't keep isn't. */
  const KEEPS = `
    export default {
      setup() {
        let before = [];
        return {
          event({ fragments }) {
            const kept = before.every(({ copy, sum }) => sumOf(copy) === sum);
            const own = before.every(({ copy }) => copy.buffer instanceof ArrayBuffer);
            before = fragments.map((fragment) => {
              const copy = fragment.keep();
              if (copy.constructor !== fragment.data.constructor) throw new Error("another type");
              return { copy, sum: sumOf(fragment.data) };
            });
            if (!kept || !own) throw new Error("it changed");
          },
        };
      },
    };
    const sumOf = (data) => data.reduce((sum, value, k) => (sum + value * (k % 97)) % 2 ** 40, 0);`;

  test.each([...Object.keys(CHUNKS), "plain"])(
    "is its own for as long as it likes where it keeps it: %s",
    (name) => {
      writeFileSync(at("keeps.mjs"), KEEPS);
      const words = ["--analysis", at("keeps.mjs"), "--clients", "1", "--decode-threads", "2"];
      expect(reportOf(name, `kept ${name}`, ...words).failures).toEqual([]);
    },
  );

  test(
    "an event that never ends fails, and its threads are gone with it",
    () => {
      writeFileSync(
        at("hangs.mjs"),
        "export default { setup: () => ({ event({ id }) { for (; id === 50; ); } }) };",
      );
      const words = ["--analysis", at("hangs.mjs"), "--clients", "1", "--event-timeout", "1s"];
      const name = "an event a chunk";
      expect(run(name, "hangs", ...words, "--decode-threads", "2").code).toBe(1);
      expect(reportIn("hangs").failures.map(({ event }) => event)).toEqual([50]);
    },
    MINUTE,
  );

  test("a number of threads that is none is said to be", () => {
    const ended = run("plain", "x", "--decode-threads", "some");
    expect(ended.code).toBe(2);
    expect(sentenceOf(ended)).toContain("--decode-threads");
  });
});
