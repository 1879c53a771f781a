import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ROOT, run } from "../support/system.ts";

// Code moves: what test/system/sabotage.test.ts would find out in minutes is said here at once.
test("every line of test/sabotage/sabotages.mjs is where it says, once, and so are its tests", () => {
  const { code, stdout, stderr } = run(process.execPath, [
    join(ROOT, "test/sabotage/run.mjs"),
    "--check",
  ]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
});
