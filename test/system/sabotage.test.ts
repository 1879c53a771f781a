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
const names = JSON.parse(output(process.execPath, [HARNESS, "--list"])) as string[];

describe("the normal tests notice that", () => {
  let verdicts: ReadonlyMap<string, Verdict>;
  beforeAll(() => {
    const { stdout, stderr } = run(process.execPath, [HARNESS, "--json"]);
    if (stdout === "") throw new Error(stderr);
    verdicts = new Map((JSON.parse(stdout) as Verdict[]).map((verdict) => [verdict.name, verdict]));
  }, 1_800_000);

  test.each(names.map((name) => [name]))("%s", (name) => {
    expect(verdicts.get(name)).toMatchObject({ noticed: true });
  });
});
