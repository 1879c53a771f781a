import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { ROOT, run } from "../support/system.ts";

/** They mostly wait: some 9 s of work each. */
const ORDER = ["--runs", "50", "--at-once", "4"];

/** Its lines are printed: with the seed of a run that failed it can be had again. */
describeWith(["namespaces"], "a campaign on real processes", () => {
  test("ends with the same answer, whatever is killed, stopped, cut off and started again", () => {
    const campaign = join(ROOT, "test/campaign/campaign.mjs");
    const { code, stdout, stderr } = run(process.execPath, [campaign, ...ORDER]);
    process.stderr.write(stdout);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });
});
