import { describe, expect, test } from "@jest/globals";
import { nextStep, type OutBefore } from "@evb/launch";

const NEW: OutBefore = {
  isThere: false,
  isDone: false,
  isOwn: false,
  isSame: false,
  othersAreOpen: false,
};
const HALF = { ...NEW, isThere: true };
const DONE = { ...HALF, isDone: true };
const NOTHING = { force: false, resume: false };
const FORCE = { ...NOTHING, force: true };
const RESUME = { ...NOTHING, resume: true };

describe("what a job does with an OUT", () => {
  test.each<[string, OutBefore, typeof NOTHING, string]>([
    ["none: it begins", NEW, NOTHING, "begin"],
    ["none, with --force: it begins", NEW, FORCE, "begin"],
    ["one that was stopped, by whomever: it goes on", HALF, NOTHING, "go-on"],
    ["one that was stopped, with --force: it begins anew", HALF, FORCE, "begin-anew"],
    ["its own after a requeue: --force is done already", { ...HALF, isOwn: true }, FORCE, "go-on"],
    ["its own after a requeue, done: it stays", { ...DONE, isOwn: true }, NOTHING, "leave"],
    ["its own after a requeue, done, with --force", { ...DONE, isOwn: true }, FORCE, "leave"],
    ["done by another job: refused", DONE, NOTHING, "refuse"],
    ["done by another job, with --force: it begins anew", DONE, FORCE, "begin-anew"],
    ["done by another job, with --resume: its results again", DONE, RESUME, "go-on"],
    ["done by the same words: refused", { ...DONE, isSame: true }, NOTHING, "refuse"],
    [
      "done by the same words, while other runs are not: it stays",
      { ...DONE, isSame: true, othersAreOpen: true },
      NOTHING,
      "leave",
    ],
    [
      "done by other words, while other runs are not: refused",
      { ...DONE, othersAreOpen: true },
      NOTHING,
      "refuse",
    ],
  ])("%s", (_, before, asked, step) => {
    expect(nextStep(before, asked)).toBe(step);
  });
});
