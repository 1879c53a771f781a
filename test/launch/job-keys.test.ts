import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { JOB_KEYS, jobSchema, type JobKind, type KeyOwner } from "@evb/launch";
import { evb } from "../support/evb.ts";
import { ROOT } from "../support/system.ts";

/** The command line alone has them: they are of one start of the job. */
const OF_ONE_START = ["help", "version", "force", "resume", "json", "quiet"];
/** Other keys, and what only a process that starts another one types. */
const OTHERWISE = ["out", "clients", "attached", "logs"];

/** The long names of a command's options, with what may be chosen. */
function optionsOf(command: string): Map<string, string[]> {
  const { stdout } = evb([command, "--help"]);
  const options = new Map<string, string[]>();
  const blocks = stdout.split(/\n(?=\s+(?:-\w, )?--[a-z])/).slice(1);
  for (const block of blocks) {
    const [, name] = /--([a-z][a-z-]*)/.exec(block)!;
    const [, choices = ""] = /\[choices: ([^\]]*)\]/.exec(block.replaceAll(/\s+/g, " ")) ?? [];
    options.set(
      name!,
      choices.split(", ").flatMap((each) => (each === "" ? [] : each.replaceAll('"', ""))),
    );
  }
  return options;
}

/** The same of the keys that are a command's. */
function keysOf(kind: JobKind, owners: readonly KeyOwner[]): Map<string, string[]> {
  const keys = [...JOB_KEYS[kind]].filter(([, key]) =>
    key.owners.some((owner) => owners.includes(owner)),
  );
  return new Map(
    keys.map(([name, key]) => [
      key.option ?? name,
      key.value.kind === "choice" ? [...key.value.of] : [],
    ]),
  );
}

const sorted = (map: Map<string, string[]>): [string, string[]][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe("the keys of a job file", () => {
  test.each<[string, JobKind, KeyOwner[], string[]]>([
    ["index", "run", ["index"], []],
    // Where a coordinator listens is no matter of a run on one host.
    ["run", "run", ["both", "reader"], ["listen", "ports", "insecure"]],
    ["coordinator", "run", ["both", "coordinator"], []],
    // A client is told the analysis by its coordinator.
    ["client", "run", ["client"], ["analysis"]],
    ["order", "order", ["order"], []],
    ["generate", "generate", ["generate"], []],
  ])("are the options of evb %s, with the same choices", (command, kind, owners, without) => {
    const options = optionsOf(command);
    for (const name of [...OF_ONE_START, ...OTHERWISE, ...without]) options.delete(name);
    expect(options.size).toBeGreaterThan(5);
    expect(sorted(keysOf(kind, owners))).toEqual(sorted(options));
  });

  test("are in jobs/job.schema.json as the code has them (else: node scripts/job-schema.mjs)", () => {
    const published = readFileSync(join(ROOT, "jobs/job.schema.json"), "utf8");
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(jobSchema())));
  });
});
