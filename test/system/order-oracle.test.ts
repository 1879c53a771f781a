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

const SHAPE_COUNT = 14;
const SEEDS = Array.from({ length: SHAPE_COUNT }, (_, i) => i + 1);

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
function written(out: string): Record<string, string> {
  const names = readdirSync(out).filter((name) => name.startsWith("run-"));
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(out, name)).toString("latin1")]),
  );
}

function order(files: readonly string[], out: string, ...options: readonly string[]): Report {
  return JSON.parse(evb("order", ...files, "-o", out, "--json", "--quiet", ...options)) as Report;
}

function verdict(files: readonly string[], out: string, options: readonly string[]): Verdict {
  const program = join(ROOT, "test/oracle/ring_check.py");
  const ran = run("/usr/bin/python3", [program, "--out", out, ...options, ...files]);
  if (ran.stdout === "") throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Verdict;
}

describe.each(SEEDS)("shape %i", (seed) => {
  const home = join(folder.path, `shape-${String(seed)}`);
  let made: Made;
  let place = "";

  beforeAll(() => {
    made = JSON.parse(oracle("ring_make.py", "--seed", String(seed), home)) as Made;
    place = `seed ${String(seed)}: ${JSON.stringify(made.shape)}`;
  });
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });

  test("is ordered as the checker predicts, byte for byte", () => {
    const problems = made.cases.flatMap((options, i) => {
      const out = join(home, `out-${String(i)}`);
      const report = order(made.files, out, ...options);
      const { problems, ...counts } = verdict(made.files, out, options);
      const total = totalOf(report);
      const told = JSON.stringify(total) === JSON.stringify(counts) ? [] : [{ total, counts }];
      return [...problems, ...told].map((problem) => ({ options: options.join(" "), problem }));
    });
    expect({ place, problems }).toEqual({ place, problems: [] });
  });

  test("has the same bytes for any number of clients, batch and memory", () => {
    const options = made.cases[1]!;
    const wanted = written(join(home, "out-1"));
    const different = SCHEDULES.filter((schedule, i) => {
      const out = join(home, `schedule-${String(i)}`);
      order(made.files, out, ...options, ...schedule);
      return JSON.stringify(written(out)) !== JSON.stringify(wanted);
    });
    expect({ place, different }).toEqual({ place, different: [] });
  });

  test("changes no more when it is ordered again", () => {
    const changed = made.cases.filter((options, i) => {
      if (!made.stable[i]!) return false;
      const first = join(home, `out-${String(i)}`);
      const again = join(home, `again-${String(i)}`);
      order(segmentsOf(first), again, ...options);
      return JSON.stringify(written(first)) !== JSON.stringify(written(again));
    });
    expect({ place, changed }).toEqual({ place, changed: [] });
  });

  test("has the same windows in one command as one by one", () => {
    const windows = ["0", "7", "1000"];
    const out = join(home, "several");
    order(made.files, out, ...windows.flatMap((window) => ["--window", window]));
    const problems = windows.flatMap(
      (window) => verdict(made.files, join(out, `window-${window}`), ["--window", window]).problems,
    );
    expect({ place, problems }).toEqual({ place, problems: [] });
  });
});

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

describe.each(RUNS)("a run by mkevt.py: $name", ({ make }) => {
  const home = join(folder.path, make.join(""));
  const file = join(home, "run-0001-00.evt");
  const options = ["--window", "50", "--policy", "average"];

  beforeAll(() => {
    mkdirSync(home);
    const program = join(ROOT, "test/bench/peers/mkevt.py");
    output("/usr/bin/python3", [program, "-o", file, "--seed", "3", ...make]);
  });
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });

  test.each([["--clients", "1"], ...SCHEDULES])(
    "is as the checker predicts with %s %s %s %s",
    (...schedule) => {
      const out = join(home, "out");
      order([file], out, "--force", ...options, ...schedule);
      expect(verdict([file], out, options).problems).toEqual([]);
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
