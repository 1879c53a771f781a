import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { evb, oracle, output, ROOT, run, temporaryFolder } from "../support/system.ts";

/** Shapes by ring_make.py, judged by ring_check.py: evb's own code has no part in either. */
interface Made {
  readonly shape: unknown;
  readonly files: readonly string[];
  /** Options of `evb order`. */
  readonly cases: readonly (readonly string[])[];
  /** Whether ordering the output of that case once more changes nothing. */
  readonly stable: readonly boolean[];
}

interface Verdict {
  readonly problems: readonly string[];
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  readonly events: number;
  readonly backwardStepsOut: number;
}

interface Report {
  readonly runs: readonly {
    readonly fragmentsIn: number;
    readonly fragmentsOut: number;
    readonly events: number;
    readonly backwardStepsOut: number;
  }[];
}

/** Shapes that are ordered together, as runs of one command. */
const SETS = [
  [1, 2, 3, 4, 5],
  [6, 7, 8, 9, 10],
  [11, 12, 13, 14],
];
/** The first cases of every shape differ in their numbers alone, so that those of one are as good for another. */
const COMMON_CASES = 5;

/** How a run is cut up must not show in it. */
const SCHEDULES = [
  ["--clients", "2"],
  ["--clients", "2", "--batch", "1"],
  ["--clients", "1", "--batch", "3", "--memory", "1MB"],
  ["--clients", "1", "--batch", "1000", "--memory", "64MB"],
];

const folder = temporaryFolder();
afterAll(folder.remove);

/** The output's run files and what is in them. */
function written(out: string, isWanted: (name: string) => boolean): Record<string, string> {
  const names = readdirSync(out).filter((name) => name.startsWith("run-") && isWanted(name));
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(out, name)).toString("latin1")]),
  );
}

/** Of the first one only what is wanted counts. */
const same = (
  one: string,
  other: string,
  isWanted: (name: string) => boolean = () => true,
): boolean => JSON.stringify(written(one, isWanted)) === JSON.stringify(written(other, () => true));

function order(files: readonly string[], out: string, ...options: readonly string[]): Report {
  return JSON.parse(evb("order", ...files, "-o", out, "--json", "--quiet", ...options)) as Report;
}

function verdict(files: readonly string[], out: string, options: readonly string[]): Verdict {
  const program = join(ROOT, "test/oracle/ring_check.py");
  const ran = run("/usr/bin/python3", [program, "--out", out, ...options, ...files]);
  if (ran.stdout === "") throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Verdict;
}

describe.each(SETS.map((seeds) => ({ seeds })))("shapes $seeds", ({ seeds }) => {
  const home = join(folder.path, `shapes-${seeds.join("-")}`);
  let shapes: Made[] = [];
  let files: string[] = [];
  let common: (readonly string[])[] = [];
  let place = "";

  beforeAll(() => {
    shapes = seeds.map((seed) => {
      const words = ["--seed", String(seed), "--run", String(runOf(seed))];
      return JSON.parse(oracle("ring_make.py", ...words, join(home, String(seed)))) as Made;
    });
    files = shapes.flatMap((made) => made.files);
    common = Array.from({ length: COMMON_CASES }, (_, i) => shapes[i % shapes.length]!.cases[i]!);
    place = shapes
      .map(({ shape }, i) => `seed ${String(seeds[i]!)}: ${JSON.stringify(shape)}`)
      .join("\n");
  });
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });

  /** Orders files, and says what the checker has against it. */
  function problemsOf(
    inputs: readonly string[],
    out: string,
    options: readonly string[],
  ): object[] {
    const total = totalOf(order(inputs, out, ...options));
    const { problems, ...counts } = verdict(inputs, out, options);
    const told = JSON.stringify(total) === JSON.stringify(counts) ? [] : [{ total, counts }];
    return [...problems, ...told].map((problem) => ({ options: options.join(" "), problem }));
  }

  test("are ordered as the checker predicts, byte for byte", () => {
    const problems = common.flatMap((options, i) =>
      problemsOf(files, join(home, `out-${String(i)}`), options),
    );
    expect({ place, problems }).toEqual({ place, problems: [] });
  });

  test.each(seeds)("are so with options of their own: %i", (seed) => {
    const made = shapes[seeds.indexOf(seed)]!;
    const own = made.cases.slice(COMMON_CASES);
    expect(own).not.toEqual([]);
    const problems = own.flatMap((options, i) => {
      const out = join(home, `own-${String(seed)}-${String(i)}`);
      const again = join(home, `own-again-${String(seed)}-${String(i)}`);
      const found = problemsOf(made.files, out, options);
      if (!made.stable[COMMON_CASES + i]!) return found;
      order(segmentsOf(out), again, ...options);
      return same(out, again) ? found : [...found, { options: options.join(" "), again }];
    });
    expect({ place, problems }).toEqual({ place, problems: [] });
  });

  test("have the same bytes for any number of clients, batch and memory", () => {
    const different = SCHEDULES.filter((schedule, i) => {
      const out = join(home, `schedule-${String(i)}`);
      order(files, out, ...common[1]!, ...schedule);
      return !same(join(home, "out-1"), out);
    });
    expect({ place, different }).toEqual({ place, different: [] });
  });

  test("change no more when they are ordered again", () => {
    const changed = common.filter((options, i) => {
      const first = join(home, `out-${String(i)}`);
      const again = join(home, `again-${String(i)}`);
      const isStable = (path: string): boolean =>
        shapes[seeds.findIndex((seed) => isRunOf(path, seed))]!.stable[i]!;
      const stable = segmentsOf(first).filter(isStable);
      if (stable.length === 0) return false;
      order(stable, again, ...options);
      return !same(first, again, isStable);
    });
    expect({ place, changed }).toEqual({ place, changed: [] });
  });

  test("have the same windows in one command as one by one", () => {
    const windows = ["0", "7", "1000"];
    const out = join(home, "several");
    order(files, out, ...windows.flatMap((window) => ["--window", window]));
    const problems = windows.flatMap(
      (window) => verdict(files, join(out, `window-${window}`), ["--window", window]).problems,
    );
    expect({ place, problems }).toEqual({ place, problems: [] });
  });
});

/** A shape may be of two runs. */
const RUNS_PER_SHAPE = 2;
const runOf = (seed: number): number => RUNS_PER_SHAPE * seed;

function isRunOf(path: string, seed: number): boolean {
  const run = Number(/run-(\d+)[-.]/.exec(basename(path))?.[1]);
  return run >= runOf(seed) && run < runOf(seed) + RUNS_PER_SHAPE;
}

const segmentsOf = (out: string): string[] =>
  readdirSync(out)
    .filter((name) => name.endsWith(".evt"))
    .sort()
    .map((name) => join(out, name));

function totalOf({ runs }: Report): Omit<Verdict, "problems"> {
  const sum = (of: (one: Report["runs"][number]) => number): number =>
    runs.reduce((total, one) => total + of(one), 0);
  return {
    fragmentsIn: sum((one) => one.fragmentsIn),
    fragmentsOut: sum((one) => one.fragmentsOut),
    events: sum((one) => one.events),
    backwardStepsOut: sum((one) => one.backwardStepsOut),
  };
}

/** Larger runs of plain shape: parts of an output that several clients and many batches write. */
const RUNS = [
  { name: "built, disordered", make: ["--disorder", "0.05", "--triggers", "20000"] },
  { name: "built, one source late", make: ["--stall", "2:3000000:900000", "--dup", "0.1"] },
  { name: "version 12, big-endian", make: ["--format", "12", "--big-endian", "--ext", "8"] },
  { name: "version 10", make: ["--format", "10", "--disorder", "0.3"] },
  { name: "items, not built", make: ["--mode", "items", "--missing-headers", "nonphysics"] },
  { name: "large events", make: ["--payload", "20000", "60000", "--triggers", "100"] },
];

describe(`runs by mkevt.py: ${RUNS.map(({ name }) => name).join("; ")}`, () => {
  const home = join(folder.path, "runs");
  const files = RUNS.map((_, i) => join(home, `run-${String(i + 1).padStart(4, "0")}-00.evt`));
  const options = ["--window", "50", "--policy", "average"];

  beforeAll(() => {
    mkdirSync(home);
    const program = join(ROOT, "test/bench/peers/mkevt.py");
    for (const [i, { make }] of RUNS.entries()) {
      const words = ["-o", files[i]!, "--run", String(i + 1), "--seed", "3", ...make];
      output("/usr/bin/python3", [program, ...words]);
    }
  });
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });

  test.each([["--clients", "1"], ...SCHEDULES].map((words) => [words.join(" "), words] as const))(
    "are as the checker predicts with %s",
    (_, schedule) => {
      const out = join(home, "out");
      order(files, out, "--force", ...options, ...schedule);
      const { problems, events } = verdict(files, out, options);
      expect(problems).toEqual([]);
      expect(events).toBeGreaterThan(0);
    },
  );
});

/** A checker that finds nothing may be one that looks at nothing. */
describe("the checker", () => {
  const home = join(folder.path, "checker");
  const good = join(home, "good");
  const bad = join(home, "bad");
  let files: readonly string[] = [];

  beforeAll(() => {
    files = (JSON.parse(oracle("ring_make.py", "--seed", "47", home)) as Made).files;
    oracle("ring_check.py", "--window", "500", "--write", good, ...files);
  });

  const spoilt = (spoil: (items: Buffer[]) => readonly Buffer[]): readonly string[] => {
    rmSync(bad, { recursive: true, force: true });
    mkdirSync(bad);
    const [name] = segmentsOf(good);
    const items = cut(readFileSync(name!));
    writeFileSync(join(bad, basename(name!)), Buffer.concat(spoil(items)));
    copyFileSync(join(good, "run-0001.sha512"), join(bad, "run-0001.sha512"));
    return verdict(files, bad, ["--window", "500"]).problems;
  };

  test("finds nothing in its own prediction", () => {
    expect(spoilt((items) => items)).toEqual([]);
  });

  test.each<[string, (items: Buffer[]) => readonly Buffer[]]>([
    ["an item less", (items) => items.filter((_, i) => i !== 5)],
    ["an item twice", (items) => [...items, items.at(-1)!]],
    [
      "two items swapped",
      (items) => [...items.slice(0, 4), items[5]!, items[4]!, ...items.slice(6)],
    ],
    [
      "one bit of the last payload",
      (items) => {
        const item = Buffer.from(items.at(-4)!);
        item[item.length - 1]! ^= 1;
        return [...items.slice(0, -4), item, ...items.slice(-3)];
      },
    ],
    [
      "an item grown by 4 bytes",
      (items) => {
        const item = Buffer.concat([items[1]!, Buffer.alloc(4)]);
        item.writeUInt32LE(item.length, 0);
        return [items[0]!, item, ...items.slice(2)];
      },
    ],
  ])("finds %s", (_, spoil) => {
    const problems = spoilt(spoil);
    expect(problems.join("\n")).toMatch(/item \d+ at byte|bytes too many/);
    expect(problems.join("\n")).toContain("run-0001.sha512");
  });
});

function cut(bytes: Buffer): Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += items.at(-1)!.length)
    items.push(bytes.subarray(at, at + bytes.readUInt32LE(at)));
  return items;
}
