import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ended } from "../support/run-processes.ts";
import { inFolder } from "../support/folder.ts";
import { ROOT } from "../support/system.ts";

const MINUTE = 60_000;
const jobs = join(ROOT, "jobs");
const examples = readdirSync(jobs).filter((name) => name.endsWith(".yaml"));

describe("the example jobs in jobs/", () => {
  test("name the schema that editors complete them by, and are in the list", () => {
    const list = readFileSync(join(jobs, "README.md"), "utf8");
    for (const name of examples) {
      const text = readFileSync(join(jobs, name), "utf8");
      expect(text).toMatch(/^# yaml-language-server: \$schema=job\.schema\.json\n/);
      expect(list).toContain(`| ${name} `);
    }
  });

  test.each<[string[]]>([
    [["mock-runs.yaml", "statistics.yaml", "night.yaml"]],
    [["mock-rings.yaml", "order-windows.yaml"]],
  ])(
    "do what they say: %s",
    (names) =>
      inFolder(async (folder) => {
        cpSync(join(jobs, "peak-finder.ts"), join(folder, "peak-finder.ts"));
        for (const name of names) {
          cpSync(join(jobs, name), join(folder, name));
          const [, kind = ""] = /^kind: (\w+)/m.exec(readFileSync(join(jobs, name), "utf8"))!;
          const clients = kind === "generate" ? [] : ["--clients", "1"];
          const { code, stderr } = await ended([kind, join(folder, name), ...clients]);
          expect({ name, code, stderr }).toMatchObject({ code: 0 });
        }
      }),
    3 * MINUTE,
  );
});
