import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { EVB, evb, output, ROOT, temporaryFolder } from "../support/system.ts";

/** The main job on another version of Node: zeromq's binary, h5wasm, the translation of TypeScript. */
describeWith(["node22", "node24"], "the main job on other versions of Node", () => {
  const folder = temporaryFolder();
  const index = join(folder.path, "run1.index.h5");
  afterAll(folder.remove);

  beforeAll(() => {
    evb(
      "generate",
      join(folder.path, "run1"),
      "--files",
      "3",
      "--events",
      "100",
      "--event-size",
      "10kB",
      "--quiet",
    );
    evb("index", join(folder.path, "run1"), "-o", index, "--quiet");
  });

  const digestOn = (node: readonly string[], analysis: string, out: string): string => {
    const [command, ...words] = node;
    const args = [
      "run",
      index,
      "-o",
      join(folder.path, out),
      "--clients",
      "2",
      "--analysis",
      analysis,
    ];
    const report = output(command!, [...words, EVB, ...args, "--json", "--quiet"]);
    return (JSON.parse(report) as { digest: string }).digest;
  };

  test.each([22, 24])("Node %i gives the same digest", (version) => {
    const node = ["npx", "--yes", "-p", `node@${String(version)}`, "node"];
    expect(output(node[0]!, [...node.slice(1), "--version"])).toMatch(`v${String(version)}.`);
    for (const analysis of ["stats", join(ROOT, "jobs/peak-finder.ts")]) {
      const name = `${String(version)}-${analysis.endsWith(".ts") ? "own" : analysis}`;
      const here = digestOn([process.execPath], analysis, `here-${name}`);
      expect(digestOn(node, analysis, `there-${name}`)).toBe(here);
    }
  });
});
