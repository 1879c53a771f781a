import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { output, ROOT, run, temporaryFolder } from "../support/system.ts";

describe("scripts/demo on a fresh clone", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  test("installs, builds, does the main job in 60 s, and removes its files", () => {
    const clone = join(folder.path, "evb");
    output("git", ["clone", "--quiet", ROOT, clone]);
    output("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], clone);
    const demo = run("scripts/demo", ["--dir", folder.path], clone);
    expect(demo.stderr).not.toMatch(/rror/);
    expect(demo.code).toBe(0);
    expect(demo.stdout).toMatch(/client 1: .* in [\d.]+ s/);
    expect(demo.stdout).toMatch(/client 2: .* in [\d.]+ s/);
    expect(demo.stdout).toMatch(/\d+ events \(\d+ fragments\), .* GB\/s/);
    expect(demo.stdout).toMatch(/where the time went/);
    expect(demo.seconds).toBeLessThan(60);
    expect(readdirSync(folder.path)).toEqual(["evb"]);
    expect(existsSync(join(clone, "packages/cli/bundle/evb.js"))).toBe(true);
  });
});
