import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RunIndex } from "@evb/index";
import { evb, sentenceOf } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

/** How rows of HDF5 files come to the analysis: by positioned reads, whatever their chunks and filters. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const MINUTE = 60_000;

/** Of a client's seconds. */
const PARTS = ["wait", "open", "read", "decode", "analysis", "publish"] as const;
type Part = `${(typeof PARTS)[number]}Seconds`;

interface Report {
  readonly bytes: number;
  readonly bytesRead: number;
  readonly digest: string;
  readonly failed: number;
  readonly failures: readonly { readonly event: number; readonly reason: string }[];
  readonly clients: readonly ({ readonly seconds: number } & Readonly<Record<Part, number>>)[];
}

const reportIn = (out: string): Report =>
  JSON.parse(readFileSync(at(join(out, "report.json")), "utf8")) as Report;

/** A run of the same content in any form. */
function makeRun(name: string, ...words: readonly string[]): void {
  const made = ["--files", "3", "--events", "100", "--event-size", "200kB", "--quiet", ...words];
  expect(evb(["generate", at(name), ...made]).code).toBe(0);
  expect(evb(["index", at(name), "-o", at(`${name}.index.h5`), "--all", "--quiet"]).code).toBe(0);
}

function analyse(name: string, out: string, ...words: readonly string[]): ReturnType<typeof evb> {
  const what = [at(`${name}.index.h5`), "-o", at(out), "--clients", "1", "--quiet"];
  return evb(["run", ...what, ...words]);
}

beforeAll(() => {
  makeRun("plain");
  makeRun("packed", "--compression", "gzip:4", "--events-per-chunk", "16");
}, MINUTE);

describe("rows of HDF5 files", () => {
  test("are the same in compressed chunks of many, of which less is read", () => {
    expect(analyse("plain", "plain-out").code).toBe(0);
    expect(analyse("packed", "packed-out").code).toBe(0);
    const [plain, packed] = [reportIn("plain-out"), reportIn("packed-out")];
    expect(packed.digest).toBe(plain.digest);
    expect(plain.bytesRead).toBe(plain.bytes);
    expect(packed.bytesRead).toBeLessThan(packed.bytes);
    expect(plain.clients[0]!.decodeSeconds).toBe(0);
    expect(packed.clients[0]!.decodeSeconds).toBeGreaterThan(0);
    // A chunk is read once, also where reading is begun ahead.
    expect(analyse("packed", "ahead-out", "--read-ahead", "16").code).toBe(0);
    const { digest, bytesRead } = packed;
    expect(reportIn("ahead-out")).toMatchObject({ digest, bytesRead });
  });

  test("take a client seconds that are told apart, and no more together than it had", () => {
    const [client] = reportIn("packed-out").clients;
    const parts = PARTS.map((part) => client![`${part}Seconds`]);
    // It waits at most until its first lease, which its seconds begin with.
    for (const seconds of parts.slice(1)) expect(seconds).toBeGreaterThan(0);
    const together = parts.reduce((sum, seconds) => sum + seconds);
    expect(together).toBeLessThanOrEqual(client!.seconds);
    expect(together).toBeGreaterThan(client!.seconds / 2);
  });

  test("whose chunk is damaged fail their events, each with fragment, file and place; the others are finished", async () => {
    mkdirSync(at("hurt"));
    for (const n of [1, 2, 3])
      copyFileSync(at(`packed/file${String(n)}.h5`), at(`hurt/file${String(n)}.h5`));
    expect(evb(["index", at("hurt"), "-o", at("hurt.index.h5"), "--all", "--quiet"]).code).toBe(0);
    const index = await RunIndex.open(at("hurt.index.h5"));
    const row = 40;
    const { address, stored } = index.places(Uint16Array.of(0), Uint32Array.of(row))!;
    index.close();
    const fd = openSync(at("hurt/file1.h5"), "r+");
    writeSync(fd, Buffer.alloc(64, 0xee), 0, 64, address[0]! + Math.floor(stored![0]! / 2));
    closeSync(fd);
    const ended = analyse("hurt", "hurt-out");
    expect(ended.code).toBe(1);
    const { failed, failures } = reportIn("hurt-out");
    // A chunk has sixteen rows.
    expect(failed).toBe(16);
    expect(failures[0]!.reason).toMatch(
      new RegExp(
        `^row 32 of file1: the ${String(stored![0])} bytes at byte ${String(address[0])} of .*file1\\.h5 can't be decoded: `,
      ),
    );
    const strict = analyse("hurt", "strict-out", "--strict");
    expect(strict.code).toBe(1);
    expect(sentenceOf(strict)).toMatch(/^event \d+ failed: row 32 of file1: /);
  });
});
