import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { index } from "../support/run-files.ts";
import {
  ended,
  processesIn,
  reportOf,
  sentencesOf,
  start,
  type Running,
} from "../support/run-processes.ts";
import { Trial, MINUTES, crash, expectNobody, journalOf, wait } from "../support/run-trial.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

const ALONE = ["--clients", "1"];

/** Begun with these options, and killed in its middle. */
async function killed(...words: string[]): Promise<string> {
  const out = trial.newOut();
  const running = trial.start("run", out, [...words, ...ALONE]);
  await trial.trace(out).untilCommitted(running, 20);
  await crash(running);
  return out;
}

describe("--resume", () => {
  test(
    "with other options than the run began with is refused and names what differs; nothing is lost by it",
    async () => {
      const out = await killed(...wait(5), "--events", "10:210", "--sources", "file[12]");
      const before = readFileSync(journalOf(out));
      const same = {
        analysis: wait(5),
        events: ["--events", "10:210"],
        sources: ["--sources", "file[12]"],
      };
      const others: [RegExp, Partial<typeof same>][] = [
        [/can't be resumed with .*analysis.* stats.*began with .*wait/, { analysis: [] }],
        [/can't be resumed with .*ms.*7.*began with .*5/, { analysis: wait(7) }],
        [
          /can't be resumed with .*events.* 10:200.*began with .*10:210/,
          { events: ["--events", "10:200"] },
        ],
        [/can't be resumed with .*events.*began with .*10:210/, { events: [] }],
        [
          /can't be resumed with .*sources.* file1.*began with .*file\[12\]/,
          { sources: ["--sources", "file1"] },
        ],
        [/can't be resumed with .*sources.*began with .*file\[12\]/, { sources: [] }],
      ];
      for (const [sentence, other] of others) {
        const words = Object.values({ ...same, ...other }).flat();
        const done = await trial.start("run", out, [...words, ...ALONE, "--resume"]).ended;
        expect({ code: done.code, said: sentencesOf(done) }).toEqual({
          code: 2,
          said: [expect.stringMatching(sentence)],
        });
        expect(sentencesOf(done)[0]).toMatch(/give the same options, or --force to start anew$/);
        expect(done.stdout).toBe("");
        expect(readFileSync(journalOf(out)).equals(before)).toBe(true);
      }
      // The default of an option is the same as having typed it; and the order doesn't matter.
      const words = [...same.sources, ...same.analysis, ...same.events];
      const done = await trial.start("run", out, [...words, ...ALONE, "--resume"]).ended;
      expect(reportOf(done)).toMatchObject({ events: 200, lost: 0, totals: { count: "200" } });
      expect(done.code).toBe(0);
    },
    MINUTES,
  );

  test(
    "takes a default for what was typed",
    async () => {
      const out = await killed("--analysis", "wait");
      trial.expectUndisturbed(
        await trial.start("run", out, [...wait(1), ...ALONE, "--events", "0:300", "--resume"])
          .ended,
      );
    },
    MINUTES,
  );

  test(
    "with an analysis that was edited meanwhile is refused",
    async () => {
      const path = join(trial.folder, "mine.js");
      const text = (scale: number): string =>
        `export default { setup: () => ({ eventColumns: { x: "u4" }, event: ({ id }) => {
          for (const begun = performance.now(); performance.now() < begun + 5; );
          return { columns: { x: ${String(scale)} * id } };
        } }) };\n`;
      writeFileSync(path, text(1));
      const out = await killed("--analysis", path);
      await expectNobody(out);
      writeFileSync(path, text(2));
      const words = ["--analysis", path, ...ALONE, "--resume"];
      const done = await trial.start("run", out, words).ended;
      expect({ code: done.code, said: sentencesOf(done) }).toMatchObject({ code: 2 });
      expect(sentencesOf(done)[0]).toMatch(
        /can't be resumed with --analysis \S+mine\.js of sha-256 /,
      );
      writeFileSync(path, text(1));
      expect((await trial.start("run", out, words).ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "with an index that was made anew of other data is refused",
    async () => {
      const out = await killed(...wait(5));
      const before = readFileSync(trial.run.indexPath);
      rmSync(trial.run.indexPath);
      await index([join(trial.folder, "run")], trial.run.indexPath, { sources: "file[12]" });
      const words = [...wait(5), ...ALONE, "--resume"];
      const done = await trial.start("run", out, words).ended;
      writeFileSync(trial.run.indexPath, before);
      expect({ code: done.code, said: sentencesOf(done) }).toMatchObject({ code: 2 });
      expect(sentencesOf(done)[0]).toMatch(/can't be resumed with .*index/);
      trial.expectUndisturbed(await trial.start("run", out, words).ended);
    },
    MINUTES,
  );

  test("and --force exclude each other", async () => {
    const out = trial.newOut();
    const words = [...wait(5), ...ALONE, "--resume", "--force"];
    const done = await trial.start("run", out, words).ended;
    expect({ code: done.code, said: sentencesOf(done) }).toEqual({
      code: 2,
      said: [expect.stringMatching(/--(resume|force) and --(resume|force) exclude each other/)],
    });
    expect(existsSync(out)).toBe(false);
  });

  test(
    "is named where OUT exists and it was not typed; --force starts anew",
    async () => {
      const out = await killed(...wait(3));
      const refused = await trial.start("run", out, [...wait(3), ...ALONE]).ended;
      expect(refused.code).toBe(2);
      expect(sentencesOf(refused)[0]).toMatch(/exists already; .*--resume/);
      const done = await trial.start("run", out, [...wait(0), ...ALONE, "--force"]).ended;
      expect(trial.expectUndisturbed(done).redone).toBe(0);
    },
    MINUTES,
  );

  test("of a folder that evb didn't write is refused, and leaves it as it is", async () => {
    const out = trial.newOut();
    mkdirSync(out);
    writeFileSync(join(out, "thesis.txt"), "years of work");
    const done = await trial.start("run", out, [...wait(0), ...ALONE, "--resume"]).ended;
    expect([1, 2]).toContain(done.code);
    expect(sentencesOf(done)).toHaveLength(1);
    expect(readdirSync(out)).toEqual(["thesis.txt"]);
    // Neither is a file a run.
    const file = join(out, "thesis.txt");
    const other = await trial.start("run", file, [...wait(0), ...ALONE, "--resume"]).ended;
    expect([1, 2]).toContain(other.code);
    expect(sentencesOf(other)).toHaveLength(1);
    expect(readFileSync(file, "utf8")).toBe("years of work");
  });

  test("of a journal that is none is refused with a sentence", async () => {
    const out = trial.newOut();
    mkdirSync(out);
    writeFileSync(journalOf(out), Buffer.alloc(5000, 7));
    const done = await trial.start("run", out, [...wait(0), ...ALONE, "--resume"]).ended;
    expect([1, 2]).toContain(done.code);
    expect(sentencesOf(done)).toHaveLength(1);
    expect(readFileSync(journalOf(out)).equals(Buffer.alloc(5000, 7))).toBe(true);
  });

  test.each(["coordinator", "run"] as const)(
    "while %s is on is refused, and the run goes on unharmed",
    async (command) => {
      const out = trial.newOut();
      const words = [...wait(10), "--clients", "2"];
      const rank0 = await trial.listening(command, out, words);
      const clients: Running[] = command === "run" ? [] : [trial.client(out), trial.client(out)];
      await trial.trace(out).untilCommitted(rank0, 20);
      // However slowly the second one starts, the first is still on.
      const working = processesIn(out).filter((pid) => pid !== rank0.pid);
      for (const pid of working) process.kill(pid, "SIGSTOP");
      const own = ["-o", out, ...words, "--resume"];
      const refused = await ended([command, trial.run.indexPath, ...own]);
      for (const pid of working) process.kill(pid, "SIGCONT");
      expect({ code: refused.code, said: sentencesOf(refused) }).toEqual({
        code: 2,
        said: [expect.stringMatching(/is of a run that is on/)],
      });
      trial.expectUndisturbed(await rank0.ended);
      for (const client of clients) expect((await client.ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "while a run without sockets is on: one of them ends with a sentence, the other with the results",
    async () => {
      const out = trial.newOut();
      const first = trial.start("run", out, [...wait(40), ...ALONE]);
      await trial.trace(out).untilCommitted(first, 40);
      const own = ["-o", out, ...wait(40), ...ALONE, "--resume", "--json"];
      const second = start(["run", trial.run.indexPath, ...own]);
      const [one, other] = [await first.ended, await second.ended];
      const codes = [one.code, other.code];
      const said = [one, other].map(({ stderr }) => stderr);
      expect({ codes, said }).toEqual({ codes: one.code === 0 ? [0, 2] : [1, 0], said });
      trial.expectUndisturbed(one.code === 0 ? one : other);
      const loser = one.code === 0 ? other : one;
      expect(sentencesOf(loser).join("\n")).toMatch(/is on|has gone on with the run/);
    },
    MINUTES,
  );
});
