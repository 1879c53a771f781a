import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { JOB_KEYS, batchScript, readJob, type BatchSystem, type JobKind } from "@evb/launch";
import { inFolder } from "../support/folder.ts";
import { ROOT } from "../support/system.ts";

const page = (name: string): string => readFileSync(join(ROOT, "docs/launching", name), "utf8");

describe("the pages of docs/launching", () => {
  test.each(["run", "order", "generate"] as const)("list every key of kind %s", (kind: JobKind) => {
    const [, section = ""] = page("job-file.md").split(`## Kind ${kind}\n`);
    const keys = [...section.split("\n## ")[0]!.matchAll(/^\| `([a-z-]+)`/gm)].map(
      ([, key]) => key,
    );
    expect(keys).toEqual([...JOB_KEYS[kind].keys()]);
  });

  test.each<[BatchSystem, string, string]>([
    ["slurm", "slurm.md", ""],
    ["lsf", "lsf.md", "  queue: psnehq\n"],
  ])("show the script for %s as it is", (system, name, more) =>
    inFolder((folder) => {
      const text = readFileSync(join(ROOT, "jobs/statistics.yaml"), "utf8");
      const path = join(folder, "statistics.yaml");
      writeFileSync(path, text + more);
      const script = batchScript(system, {
        job: readJob(path),
        evb: ["/usr/bin/node", "/scratch/evb/packages/cli/bin/evb.js"],
        version: "0.1.0",
        words: [],
        connection: undefined,
      }).replaceAll(folder, "/scratch");
      const shown = /```(?:ba)?sh\n(#!\/bin\/[\s\S]*?)```/.exec(page(name))![1]!;
      expect(script.startsWith(shown)).toBe(true);
    }),
  );
});
