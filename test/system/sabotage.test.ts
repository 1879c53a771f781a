import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { output, ROOT, run } from "../support/system.ts";

/** What test/sabotage/run.mjs says of one line that it made wrong. */
interface Verdict {
  readonly name: string;
  readonly noticed: boolean;
  readonly why?: string;
  readonly problem?: string;
}

const HARNESS = join(ROOT, "test/sabotage/run.mjs");
/** All of them take an hour on a slow machine: each commit tries a fifth. `node test/sabotage/run.mjs` tries all. */
const SHARE = ["--share", "5"];
const names = JSON.parse(output(process.execPath, [HARNESS, "--list", ...SHARE])) as string[];

describe("the normal tests notice that", () => {
  let verdicts: ReadonlyMap<string, Verdict>;
  beforeAll(() => {
    // The normal tests have been run before these (test/run.mjs): red ones have failed there.
    const { stdout, stderr } = run(process.execPath, [
      HARNESS,
      "--json",
      ...SHARE,
      "--unharmed",
      "green",
    ]);
    if (stdout === "") throw new Error(stderr);
    verdicts = new Map((JSON.parse(stdout) as Verdict[]).map((verdict) => [verdict.name, verdict]));
  }, 1_800_000);

  test.each(names.map((name) => [name]))("%s", (name) => {
    expect(verdicts.get(name)).toMatchObject({ noticed: true });
  });
});
