import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunReport } from "@evb/runner";
import { evb } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

/** Clients that are not alike end together, and the report says how well it went. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const EVENTS = 120;
/** Sleeping: two processes have all the processor that they need. */
const WAIT = ["--analysis", "wait", "--set", "ms=20"];

const reportIn = (out: string): RunReport =>
  JSON.parse(readFileSync(at(join(out, "report.json")), "utf8")) as RunReport;

function run(out: string, ...words: readonly string[]): { report: RunReport; stdout: string } {
  const ended = evb(["run", at("run.h5"), "-o", at(out), ...WAIT, "--quiet", ...words]);
  expect(ended).toMatchObject({ code: 0 });
  return { report: reportIn(out), stdout: ended.stdout };
}

beforeAll(() => {
  const made = ["--files", "2", "--events", String(EVENTS), "--event-size", "100B", "--quiet"];
  expect(evb(["generate", at("run"), ...made]).code).toBe(0);
  expect(evb(["index", at("run"), "-o", at("run.h5"), "--all", "--quiet"]).code).toBe(0);
});

describe("two clients of which one takes 25 times as long", () => {
  let slow: ReturnType<typeof run>;
  beforeAll(() => {
    slow = run(
      "slow",
      "--clients",
      "2",
      "--batch",
      "1000",
      "--set",
      "slowRank=1",
      "--set",
      "slowBy=25",
    );
  }, 60_000);

  test("help each other: what one has not begun goes to the other, what it has begun is done twice", () => {
    const { faults, redone, events } = slow.report;
    expect(events).toBe(EVENTS);
    expect(redone).toBe(0);
    expect(faults.revoked + faults.doubled).toBeGreaterThan(0);
    expect(slow.stdout).toMatch(/\d+ events? taken back from slower clients, \d+ done twice/);
  });

  test("return what one client returns", () => {
    expect(slow.report.digest).toBe(run("one", "--clients", "1").report.digest);
  }, 60_000);

  test("are said to have worked, waited and read, and what would have been ideal", () => {
    const { seconds, tailSeconds, idealSeconds, clients } = slow.report;
    expect(tailSeconds).toBeGreaterThanOrEqual(0);
    expect(tailSeconds).toBeLessThan(seconds);
    // The fast one takes 120 × 20 ms alone; the slow one does two or three events meanwhile.
    expect(idealSeconds).toBeGreaterThan(0.02 * (EVENTS - 10));
    expect(idealSeconds).toBeLessThanOrEqual(1.05 * seconds);
    for (const { workedShare, waitedShare, readShare } of clients) {
      expect(workedShare + waitedShare).toBeLessThan(1.1);
      expect(workedShare).toBeGreaterThan(0.3);
      expect(readShare).toBeLessThanOrEqual(workedShare);
    }
    expect(slow.stdout).toMatch(
      /clients worked \d+ % of the time; tail \d+\.\d\d s; ideal \d+\.\d\d s/,
    );
  });
});
