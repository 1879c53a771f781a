import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { EVB, evb, sentenceOf, type Ended } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { rawOf } from "./ring-listing.ts";
import { writeFiles, writtenRun } from "./ring-order.ts";

/** What order makes sure of, and what becomes of it when it is stopped before there is anything to resume. */
const ring = new RingBytes({ version: 12, littleEndian: true });
const begin = ring.state("BEGIN_RUN", { run: 1 }, { source: 1, barrier: 1 });
const end = ring.state("END_RUN", { run: 1 }, { source: 1, barrier: 2 });
const whole = [ring.format(), begin, ...rawOf(ring, "1@20 1@30 1@40"), end];

/** The command with a module of test/support/preload in all its processes and threads. */
function orderWith(
  preload: string,
  env: Readonly<Record<string, string>>,
  words: readonly string[],
  folder: string,
): Ended {
  const path = fileURLToPath(new URL(`../support/preload/${preload}.cjs`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [EVB, "order", ...words], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env, NODE_OPTIONS: `--require=${path}` },
  });
  return { code: status, stdout, stderr };
}

const MINUTE = 60_000;

describe("order", () => {
  test(
    "takes nothing for written on another host before the disk has it",
    () =>
      inFolder((folder) => {
        writeFiles(folder, { "a.evt": whole });
        const log = join(folder, "synced");
        const words = ["a.evt", "-o", "out", "--clients", "1", "--listen", "127.0.0.1", "--quiet"];
        const ended = orderWith("elsewhere", { EVB_SYNCED: log }, words, folder);
        expect([ended.code, ended.stderr]).toEqual([0, ""]);
        expect(readFileSync(log, "utf8")).toMatch(
          /^.*\/out\/\.run-0001\/0-0\.[-\da-f]+\.partial\n/,
        );
        // On this host the page cache is enough.
        expect(evb(["order", ...words.with(2, "here")], folder).code).toBe(0);
        expect(writtenRun(join(folder, "here")).equals(writtenRun(join(folder, "out")))).toBe(true);
      }),
    MINUTE,
  );

  test("ends with 1, and no file, where the written bytes aren't in order, whatever the plan was", () =>
    inFolder((folder) => {
      // So many that the event in the middle is in no fingerprint.
      const events = Array.from({ length: 1000 }, (_, k) => {
        const stamp = 10n * BigInt(k + 1);
        const payload = ring.item(30, { source: 1, stamp, barrier: 0 }, Buffer.alloc(400, 7));
        return ring.built({ stamp, source: 1 }, [{ stamp, source: 1, payload }]);
      });
      const items = [ring.format(), begin, ...events.slice(0, 500)];
      writeFiles(folder, { "a.evt": [...items, ...events.slice(500), end] });
      // A fragment's stamp: behind item header, body header and byte count.
      const at = items.reduce((sum, { length }) => sum + length, 0) + 8 + 20 + 4;
      const ended = orderWith(
        "lying-disk",
        { EVB_LIES_AT: String(at) },
        ["a.evt", "-o", "out", "--quiet"],
        folder,
      );
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(/1000 fragments in 1000 events and 1 backward steps/);
      expect(readdirSync(join(folder, "out")).filter((name) => name.endsWith(".evt"))).toEqual([]);
      expect(evb(["order", "a.evt", "-o", "out", "--force"], folder).code).toBe(0);
    }));

  test("--force keeps what was there where the inputs are damaged", () =>
    inFolder((folder) => {
      writeFiles(folder, { "a.evt": whole, "b.evt": [...whole, Buffer.from("cut")] });
      expect(evb(["order", "a.evt", "-o", "out"], folder).code).toBe(0);
      const before = writtenRun(join(folder, "out"));
      expect(evb(["order", "b.evt", "-o", "out", "--force"], folder).code).toBe(1);
      expect(writtenRun(join(folder, "out")).equals(before)).toBe(true);
    }));

  test("ends at once when it is interrupted while it waits for a pipe, and leaves nothing", () =>
    inFolder(async (folder) => {
      const child = spawn(process.execPath, [EVB, "order", "-", "-o", "out"], { cwd: folder });
      const ended = new Promise((resolve) => child.once("close", resolve));
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.stdin.write(Buffer.concat(whole).subarray(0, 100));
      while (readdirSync(folder).length === 0) await setTimeout(5);
      child.kill("SIGTERM");
      expect([await ended, stderr]).toEqual([
        4,
        expect.stringMatching(/^evb: stopped while the pipe/),
      ]);
      expect(readdirSync(folder)).toEqual([]);
    }));
});
