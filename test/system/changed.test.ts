import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { reportOf, sentencesOf, type Running } from "../support/run-processes.ts";
import { Trial, MINUTES, crash, expectNobody, resultsOf, wait } from "../support/run-trial.ts";
import type { Ended } from "../support/evb.ts";

let trial: Trial;
beforeAll(async () => {
  // 1.2 MB a file, of which the fingerprint has the first and the last 64 kB.
  trial = await Trial.begin({ eventBytes: 4000 });
}, MINUTES);
afterAll(() => {
  trial.end();
});

const dataOf = (name: string): string => join(trial.folder, "run", name);

/** One byte in the middle of a file, where only the data are. */
function flip(path: string): void {
  const file = openSync(path, "r+");
  const at = Math.floor(statSync(path).size / 2);
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0]! ^= 1;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** Exit 1, the file is named, and there are no results to be taken for right ones. */
function expectNamed(done: Ended, out: string, path: string): void {
  expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
  const named = sentencesOf(done).find((line) => line.includes(path));
  expect(named).toMatch(/changed while the run was on .*index it again and start anew$/);
  expect(reportOf(done).ended).toContain(path);
  expect(reportOf(done).digest).toBeUndefined();
  expect(existsSync(resultsOf(out))).toBe(false);
}

/** Does it to a file, and puts it back as it was, time of change included only by a new index. */
async function withChanged(path: string, test: () => Promise<void>): Promise<void> {
  const copy = `${path}.copy`;
  cpSync(path, copy, { preserveTimestamps: true });
  try {
    await test();
  } finally {
    rmSync(path, { force: true });
    renameSync(copy, path);
  }
}

describe("a data file that changes while the run is on", () => {
  test.each<[string, string, (path: string) => void]>([
    ["one byte", "1", flip],
    ["one byte", "2", flip],
    [
      "one byte, by another file in its place",
      "1",
      (path) => {
        copyFileSync(path, `${path}.new`);
        flip(`${path}.new`);
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "its end cut off",
      "2",
      (path) => {
        truncateSync(path, statSync(path).size - 4096);
      },
    ],
    [
      "its first bytes",
      "2",
      (path) => {
        const file = openSync(path, "r+");
        writeSync(file, "no file", 0);
        closeSync(file);
      },
    ],
  ])(
    "(%s, %s clients) ends it with 1, and is named",
    (_, clients, change) =>
      withChanged(dataOf("file2.h5"), async () => {
        const out = trial.newOut();
        const running = trial.start("run", out, [...wait(10), "--clients", clients]);
        await trial.trace(out).untilCommitted(running, 40);
        change(dataOf("file2.h5"));
        expectNamed(await running.ended, out, dataOf("file2.h5"));
        await expectNobody(out);
      }),
    MINUTES,
  );

  test(
    "in its last moments is noticed, too",
    () =>
      withChanged(dataOf("file2.h5"), async () => {
        const out = trial.newOut();
        const running = trial.start("run", out, [...wait(10), "--clients", "2"]);
        await trial.trace(out).untilCommitted(running, 285);
        flip(dataOf("file2.h5"));
        expectNamed(await running.ended, out, dataOf("file2.h5"));
      }),
    MINUTES,
  );

  test(
    "where only one client can see it is noticed, and named with its host",
    async () => {
      const copy = join(trial.folder, "copy");
      cpSync(join(trial.folder, "run"), copy, { recursive: true, preserveTimestamps: true });
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, [...wait(10), "--clients", "2"]);
      const clients = [trial.client(out), trial.client(out, "--data", copy)];
      await trial.trace(out).untilCommitted(rank0, 10, 1);
      await trial.trace(out).untilCommitted(rank0, 10, 2);
      flip(join(copy, "file3.h5"));
      const done = await rank0.ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
      expect(sentencesOf(done).join("\n")).toMatch(
        /file3\.h5 changed while the run was on \(seen on /,
      );
      expect(existsSync(resultsOf(out))).toBe(false);
      for (const client of clients) expect((await client.ended).code).not.toBeNull();
    },
    MINUTES,
  );

  test(
    "while nobody looks, before --resume, is noticed then",
    () =>
      withChanged(dataOf("file2.h5"), async () => {
        for (const clients of ["1", "2"]) {
          const out = trial.newOut();
          const words = [...wait(8), "--clients", clients];
          const running: Running = trial.start("run", out, words);
          await trial.trace(out).untilCommitted(running, 60);
          await crash(running);
          await expectNobody(out);
          flip(dataOf("file2.h5"));
          const done = await trial.start("run", out, [...words, "--resume"]).ended;
          expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
          expect(sentencesOf(done).join("\n")).toContain("file2.h5 changed");
          expect(existsSync(resultsOf(out))).toBe(false);
        }
      }),
    MINUTES,
  );

  test(
    "that is only read, or is no input of the run, disturbs nothing",
    async () => {
      const out = trial.newOut();
      const running = trial.start("run", out, [...wait(8), "--clients", "2"]);
      await trial.trace(out).untilCommitted(running, 40);
      readFileSync(dataOf("file2.h5"));
      writeFileSync(dataOf("notes.txt"), "a shift is long");
      trial.expectUndisturbed(await running.ended);
    },
    MINUTES,
  );
});
