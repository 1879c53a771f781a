import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { EVB, evb, sentenceOf } from "../support/evb.ts";
import { Trace } from "../support/run-trace.ts";
import { temporaryFolder } from "../support/system.ts";

/** What clients do where reading means waiting: a disk that takes 4 ms for each read, but as many at once as it is given. */
const DISK_MS = 4;
const EVENTS = 150;
const MINUTE = 60_000;
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);

beforeAll(() => {
  const made = ["--files", "3", "--events", String(EVENTS), "--event-size", "100kB", "--quiet"];
  expect(evb(["generate", at("run1"), ...made]).code).toBe(0);
  expect(evb(["index", at("run1"), "-o", at("i.h5"), "--all", "--quiet"]).code).toBe(0);
}, MINUTE);

interface Report {
  readonly seconds: number;
  readonly bytes: number;
  readonly bytesRead: number;
  readonly fragments: number;
  readonly digest: string;
  readonly totals: Record<string, string>;
}

function run(name: string, ...words: readonly string[]): Report {
  const preload = fileURLToPath(new URL("../support/preload/slow-disk.cjs", import.meta.url));
  const { status, stderr } = spawnSync(
    process.execPath,
    [EVB, "run", at("i.h5"), "-o", at(name), "--analysis", "read", "--quiet", ...words],
    {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: `--require=${preload}`, EVB_DISK_MS: String(DISK_MS) },
    },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(readFileSync(at(join(name, "report.json")), "utf8")) as Report;
}

describe("where reading means waiting", () => {
  let never: Report;

  beforeAll(() => {
    never = run("never", "--clients", "1", "--read-ahead", "0");
  }, MINUTE);

  test("--read-ahead 0 waits for every read, one after another", () => {
    expect(never.seconds).toBeGreaterThan((never.fragments * DISK_MS) / 1000);
  });

  test.each([
    ["a client finds it out by itself, and reads ahead", []],
    ["as many reads as were asked for are on their way at once", ["--read-ahead", "8"]],
  ])(
    "%s: the same results in less than half of the time",
    (_, words) => {
      const ahead = run(`ahead${String(words.length)}`, "--clients", "1", ...words);
      expect(ahead.seconds).toBeLessThan(never.seconds / 2);
      const { digest, totals, bytes } = never;
      expect(ahead).toMatchObject({ digest, totals, bytes });
      // Nothing is read twice.
      expect(ahead.bytesRead).toBe(bytes);
    },
    MINUTE,
  );

  test(
    "two clients, whose batches may be taken back, give the same results",
    () => {
      const { digest, totals } = never;
      const many = run("many", "--clients", "2", "--batch", "7", "--read-ahead", "16");
      expect(many).toMatchObject({ digest, totals });
    },
    MINUTE,
  );

  test.each([1, 2])(
    "of %i clients each has no more before it than its --memory",
    (clients) => {
      const name = `memory${String(clients)}`;
      // Four events of 300 kB: two that it works on, two that are there then.
      const words = ["--clients", String(clients), "--memory", "1.2MB", "--read-ahead", "16"];
      const some = run(name, ...words, "--trace", at(`${name}.trace`));
      expect(some.digest).toBe(never.digest);
      const before = new Map<number, number>();
      const [most, leases] = [[0], [0]];
      for (const { what, rank, first, end } of new Trace(at(`${name}.trace`)).lines) {
        if (what !== "lease" && what !== "commit") continue;
        const events = (before.get(rank!) ?? 0) + (what === "lease" ? 1 : -1) * (end! - first!);
        before.set(rank!, events);
        most.push(events);
        if (what === "lease") leases.push(end! - first!);
      }
      expect(Math.max(...leases)).toBe(2);
      // What is revoked isn't committed by who had it.
      if (clients === 1) expect(Math.max(...most)).toBe(4);
    },
    MINUTE,
  );

  test.each([
    ["--read-ahead", "many"],
    ["--memory", "0"],
    ["--memory", "lots"],
  ])("%s %s is refused", (option, text) => {
    const ended = evb(["run", at("i.h5"), "-o", at("x"), option, text]);
    expect(ended.code).toBe(2);
    expect(sentenceOf(ended)).toContain(option);
  });
});
