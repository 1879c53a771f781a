import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SeededRandom } from "../support/random.ts";
import { evb, run, temporaryFolder } from "../support/system.ts";

/** Runs of one window are ordered by one command: it starts once, and each of them is a run of its own. */
const GROUPS = [0, 10, 100, 100, 2500, 10].map((window, group) => ({
  window,
  seeds: [1, 7, 13, 19].map((first) => first + group),
}));
const SEEDS = GROUPS.flatMap(({ seeds }) => seeds);
const PHYSICS_EVENT = 30;

/** Options of `evb generate` that a seed stands for. */
interface Shape {
  readonly version: 10 | 11 | 12;
  readonly isUnbuilt: boolean;
  readonly missing: string;
  readonly pauses: number;
  readonly window: number;
  readonly run: number;
  readonly words: readonly string[];
}

interface Truth {
  readonly fragments: number;
  readonly expected: { readonly events: number; readonly fragments: number };
}

interface RunReport {
  readonly run: number;
  readonly events: number;
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  readonly backwardStepsOut: number;
}

function shapeOf(seed: number): Shape {
  const random = new SeededRandom(seed);
  const one = <Value>(...values: Value[]): Value => values[random.below(values.length)]!;
  const version = one<10 | 11 | 12>(10, 11, 12, 12);
  const isUnbuilt = random.below(4) === 0;
  const missing = version === 10 ? "none" : one("none", "none", "run-items", "all", "1,2");
  const pauses = one(0, 0, 1, 3);
  const group = GROUPS.find(({ seeds }) => seeds.includes(seed))!;
  const window = group.window;
  const run = [1, 17, 255, 12345][group.seeds.indexOf(seed)]!;
  const options: Record<string, string | number> = {
    sources: one(2, 3, 5),
    "first-source": one(1, 1, 200),
    events: 20 + random.below(200),
    "event-size": one(60, 200, 900),
    period: one(1, 50, 1000),
    jitter: one(0, 10, 400),
    drop: one(0, 0.1, 0.7),
    disorder: one(0, 0.02, 0.6),
    delay: one(50, 5000),
    duplicate: one(0, 0.1, 0.8),
    "null-stamps": one(0, 0, 0.1, 0.9),
    "item-version": version,
    "scalers-every": one(0, 10, 100),
    run,
    pauses,
    window,
    seed,
  };
  if (options["first-source"] === 1 || missing !== "1,2") options["missing-headers"] = missing;
  if (options["first-source"] === 1 && random.below(3) === 0)
    options["late-source"] = `2:5000:${String(one(500, 50_000))}`;
  if (version !== 10) options["extension"] = one(0, 0, 8);
  if (!isUnbuilt) options["nesting"] = one(1, 1, 2, 3);
  if (random.below(3) === 0) options["segment-size"] = one("5kB", "40kB");
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (isUnbuilt) words.push("--unbuilt");
  if (random.below(3) === 0) words.push("--big-endian");
  return { version, isUnbuilt, missing, pauses, window, run, words };
}

/** A plain reader of ring items: it knows what an item is, and a built event. */
class Reader {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  readonly #isV10: boolean;

  constructor(bytes: Buffer, isV10: boolean) {
    this.#bytes = bytes;
    // The high half of a type is never used.
    this.#little = bytes.readUInt16LE(4) !== 0;
    this.#isV10 = isV10;
  }

  #u32(at: number): number {
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #u64(at: number): bigint {
    return this.#little ? this.#bytes.readBigUInt64LE(at) : this.#bytes.readBigUInt64BE(at);
  }

  #bodyAt(at: number): number {
    if (this.#isV10) return at + 8;
    const word = this.#u32(at + 8);
    return word <= 4 ? at + 12 : at + 8 + word;
  }

  /** Fragments of each event; none of what isn't a built event. */
  events(): { stamp: bigint; source: number; content: string }[][] {
    const events = [];
    let at = 0;
    for (; at < this.#bytes.length; at += this.#u32(at))
      if (this.#u32(at + 4) === PHYSICS_EVENT) events.push(this.#fragments(at));
    expect(at).toBe(this.#bytes.length);
    return events;
  }

  #fragments(item: number): { stamp: bigint; source: number; content: string }[] {
    const fragments = [];
    const end = item + this.#u32(item);
    let at = this.#bodyAt(item) + 4;
    while (at < end) {
      const [stamp, source, bytes] = [this.#u64(at), this.#u32(at + 8), this.#u32(at + 12)];
      fragments.push({ stamp, source, content: this.#contentOf(at + 20, at + 20 + bytes) });
      at += 20 + bytes;
    }
    expect(at).toBe(end);
    return fragments;
  }

  /** What every leaf of the run holds, whatever stands around it. */
  leaves(): string[] {
    const leaves: string[] = [];
    for (let at = 0; at < this.#bytes.length; at += this.#u32(at))
      if (this.#u32(at + 4) === PHYSICS_EVENT) leaves.push(...this.#leavesOf(at));
    return leaves;
  }

  #leavesOf(item: number): string[] {
    const end = item + this.#u32(item);
    const body = this.#bodyAt(item);
    if (end - body < 4 || this.#u32(body) !== end - body) return [this.#contentOf(item, end)];
    const leaves: string[] = [];
    for (let at = body + 4; at < end; at += 20 + this.#u32(at + 12))
      leaves.push(...this.#leavesOf(at + 20));
    return leaves;
  }

  /** Without the header that a source may have left out, and evb adds. */
  #contentOf(item: number, end: number): string {
    const hash = createHash("sha1").update(`${String(this.#u32(item + 4))} `);
    return hash.update(this.#bytes.subarray(this.#bodyAt(item), end)).digest("hex");
  }
}

const home = temporaryFolder();
afterAll(home.remove);

/** Segments of a run, or of all in a folder. */
const filesIn = (folder: string, run?: number): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".evt"))
    .filter((name) => run === undefined || name.startsWith(`run-${numbered(run)}-`))
    .sort()
    .map((name) => join(folder, name));

const numbered = (run: number): string => String(run).padStart(4, "0");

/** An empty one would be as good as any other empty one. */
function joined(folder: string, run: number): Buffer {
  const files = filesIn(folder, run);
  expect(files).not.toEqual([]);
  return Buffer.concat(files.map((path) => readFileSync(path)));
}

/** A run item without stamp stands where its source's largest one so far puts it: behind an event that was built meanwhile that is another one. */
const keepsBuilt = ({ version, pauses, missing }: Shape): boolean =>
  version !== 10 && pauses === 0 && missing === "none";

describe.each(GROUPS)("window $window, seeds $seeds", ({ window, seeds }) => {
  const folder = join(home.path, seeds.join("-"));
  const inputs = seeds.map((seed) => join(folder, "input", String(seed)));
  const words = ["--window", String(window)];
  const cuts = cutsOf(seeds[0]!);
  const truths = new Map<number, Truth>();
  let outs = 0;
  let orderedOut = "";
  let builtOut = "";
  let againOut = "";
  let builtAgainOut = "";
  let cutOuts: string[] = [];
  let ordered: readonly RunReport[] = [];
  let built: readonly RunReport[] = [];

  /** Orders files and folders into a new one. */
  function order(
    from: readonly string[],
    ...options: string[]
  ): { out: string; runs: readonly RunReport[] } {
    const out = join(folder, `out${String(++outs)}`);
    const report = evb("order", ...from, "-o", out, "--json", "--quiet", ...options);
    return { out, ...(JSON.parse(report) as { runs: readonly RunReport[] }) };
  }

  beforeAll(() => {
    for (const [k, seed] of seeds.entries()) {
      const generate = ["generate", inputs[k]!, "--format", "ring", "--json"];
      truths.set(seed, JSON.parse(evb(...generate, ...shapeOf(seed).words)) as Truth);
    }
    ({ out: orderedOut, runs: ordered } = order(inputs));
    ({ out: builtOut, runs: built } = order(inputs, ...words));
    cutOuts = cuts.map((cut) => order(inputs, ...words, ...cut).out);
    ({ out: againOut } = order([orderedOut]));
    const kept = seeds.map(shapeOf).filter(keepsBuilt);
    if (kept.length === 0) return;
    const files = kept.flatMap(({ run }) => filesIn(builtOut, run));
    ({ out: builtAgainOut } = order(files, ...words));
  }, 180_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each(seeds)("seed %i", (seed) => {
    const shape = shapeOf(seed);
    const { run: number } = shape;
    const place = `seed ${String(seed)}: evb generate ${shape.words.join(" ")}`;
    const isV10 = shape.version === 10;
    const input = inputs[seeds.indexOf(seed)]!;
    const reportIn = (runs: readonly RunReport[]): RunReport =>
      runs.find((one) => one.run === number)!;

    test("nothing is lost, nothing is made: the output holds what the input holds", () => {
      const { fragments } = truths.get(seed)!;
      const [before, after, afterToo] = [input, orderedOut, builtOut].map((each) =>
        new Reader(joined(each, number), isV10).leaves().sort(),
      );
      expect(before).toHaveLength(fragments);
      expect({ place, after }).toEqual({ place, after: before });
      expect({ place, after: afterToo }).toEqual({ place, after: before });
      for (const runs of [ordered, built])
        expect({ place, ...reportIn(runs) }).toMatchObject({
          place,
          fragmentsIn: fragments,
          fragmentsOut: fragments,
          backwardStepsOut: 0,
        });
    });

    test("a window cuts, and moves nothing: its events have the order of the fragments without one", () => {
      const singles = new Reader(joined(orderedOut, number), isV10).events();
      const events = new Reader(joined(builtOut, number), isV10).events();
      expect({ place, events: events.flat() }).toEqual({ place, events: singles.flat() });
      expect(singles.every(({ length }) => length === 1)).toBe(true);
      expect(events).toHaveLength(reportIn(built).events);
      const wide = events.filter((event) => event.at(-1)!.stamp - event[0]!.stamp > BigInt(window));
      expect({ place, wide }).toEqual({ place, wide: [] });
      const backward = singles.flat().filter(({ stamp, source }, k, all) => {
        const before = all[k - 1];
        if (before === undefined || before.stamp < stamp) return false;
        return before.stamp > stamp || before.source > source;
      });
      expect({ place, backward }).toEqual({ place, backward: [] });
      // A raw event without header has its stamp in its body alone.
      const isBare = isV10 || shape.missing === "all" || shape.missing === "1,2";
      if (!shape.isUnbuilt || !isBare)
        expect({ place, events: events.length }).toEqual({
          place,
          events: truths.get(seed)!.expected.events,
        });
    });

    test("the bytes are the same for any number of clients, batch and memory", () => {
      const wanted = joined(builtOut, number);
      const different = cuts.filter((_, k) => !joined(cutOuts[k]!, number).equals(wanted));
      expect({ place, different }).toEqual({ place, different: [] });
    });

    test("what is in order stays as it is", () => {
      const same = joined(againOut, number).equals(joined(orderedOut, number));
      expect({ place, same }).toEqual({ place, same: true });
      if (!keepsBuilt(shape)) return;
      const sameBuilt = joined(builtAgainOut, number).equals(joined(builtOut, number));
      expect({ place, sameBuilt }).toEqual({ place, sameBuilt: true });
    });

    test("sha512sum agrees with the checksum", () => {
      const sums = readdirSync(builtOut).filter((name) => name.endsWith(".sha512"));
      expect(sums).toHaveLength(seeds.length);
      const own = `run-${numbered(number)}.sha512`;
      const check = run("sha512sum", ["--check", "--strict", own], builtOut);
      expect({ place, code: check.code, stderr: check.stderr }).toEqual({
        place,
        code: 0,
        stderr: "",
      });
    });
  });
});

/** How a run is cut up must not show in it. */
function cutsOf(seed: number): string[][] {
  const random = new SeededRandom(seed);
  return [
    ["--batch", "1"],
    ["--batch", String(2 + random.below(40)), "--memory", "1MB"],
    ["--clients", "2", "--batch", String(1 + random.below(9))],
    ["--clients", "3", "--batch", String(1 + random.below(30)), "--memory", "64MB"],
    ["--segment-size", ["3kB", "20kB"][random.below(2)]!],
  ];
}

test("the seeds have all that evb generate has to offer", () => {
  const words = new Set(SEEDS.flatMap((seed) => shapeOf(seed).words));
  const help = evb("generate", "--help");
  const ring = /Options of --format ring:\n([\s\S]*?)\n\n/.exec(help)![1]!;
  const options = [...ring.matchAll(/^ +(--[\w-]+)/gm)].map(([, option]) => option!);
  expect(options.length).toBeGreaterThan(10);
  // Damage is no law's.
  const missing = options.filter((option) => option !== "--damage" && !words.has(option));
  expect(missing).toEqual([]);
});
