import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SeededRandom } from "../support/random.ts";
import { evb, run, temporaryFolder } from "../support/system.ts";

const SEEDS = Array.from({ length: 24 }, (_, k) => k + 1);
const PHYSICS_EVENT = 30;

/** Options of `evb generate` that a seed stands for. */
interface Shape {
  readonly version: 10 | 11 | 12;
  readonly isUnbuilt: boolean;
  readonly missing: string;
  readonly pauses: number;
  readonly window: number;
  readonly words: readonly string[];
}

interface Truth {
  readonly fragments: number;
  readonly expected: { readonly events: number; readonly fragments: number };
}

interface Report {
  readonly runs: readonly [
    {
      readonly events: number;
      readonly fragmentsIn: number;
      readonly fragmentsOut: number;
      readonly backwardStepsOut: number;
    },
  ];
}

function shapeOf(seed: number): Shape {
  const random = new SeededRandom(seed);
  const one = <Value>(...values: Value[]): Value => values[random.below(values.length)]!;
  const version = one<10 | 11 | 12>(10, 11, 12, 12);
  const isUnbuilt = random.below(4) === 0;
  const missing = version === 10 ? "none" : one("none", "none", "run-items", "all", "1,2");
  const pauses = one(0, 0, 1, 3);
  const window = one(0, 10, 100, 100, 2500);
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
    run: one(1, 17, 12345),
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
  return { version, isUnbuilt, missing, pauses, window, words };
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

const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".evt"))
    .sort()
    .map((name) => join(folder, name));

const joined = (folder: string): Buffer =>
  Buffer.concat(filesIn(folder).map((path) => readFileSync(path)));

describe.each(SEEDS)("seed %i", (seed) => {
  const shape = shapeOf(seed);
  const folder = join(home.path, String(seed));
  const input = join(folder, "input");
  const place = `seed ${String(seed)}: evb generate ${shape.words.join(" ")}`;
  const isV10 = shape.version === 10;
  let truth: Truth;
  let outs = 0;
  let orderedOut = "";
  let builtOut = "";
  let ordered: Report;
  let built: Report;

  const window = ["--window", String(shape.window)];
  /** Orders what is in a folder into a new one. */
  function order(from: string, ...words: string[]): { out: string; report: Report } {
    const out = join(folder, `out${String(++outs)}`);
    const report = evb("order", from, "-o", out, "--json", "--quiet", ...words);
    return { out, report: JSON.parse(report) as Report };
  }

  beforeAll(() => {
    const generate = ["generate", input, "--format", "ring", "--json", ...shape.words];
    truth = JSON.parse(evb(...generate)) as Truth;
    ({ out: orderedOut, report: ordered } = order(input));
    ({ out: builtOut, report: built } = order(input, ...window));
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("nothing is lost, nothing is made: the output holds what the input holds", () => {
    const [before, after, afterToo] = [input, orderedOut, builtOut].map((each) =>
      new Reader(joined(each), isV10).leaves().sort(),
    );
    expect(before).toHaveLength(truth.fragments);
    expect({ place, after }).toEqual({ place, after: before });
    expect({ place, after: afterToo }).toEqual({ place, after: before });
    for (const { runs } of [ordered, built])
      expect({ place, ...runs[0] }).toMatchObject({
        place,
        fragmentsIn: truth.fragments,
        fragmentsOut: truth.fragments,
        backwardStepsOut: 0,
      });
  });

  test("a window cuts, and moves nothing: its events have the order of the fragments without one", () => {
    const singles = new Reader(joined(orderedOut), isV10).events();
    const events = new Reader(joined(builtOut), isV10).events();
    expect({ place, events: events.flat() }).toEqual({ place, events: singles.flat() });
    expect(singles.every(({ length }) => length === 1)).toBe(true);
    expect(events).toHaveLength(built.runs[0].events);
    const wide = events.filter(
      (event) => event.at(-1)!.stamp - event[0]!.stamp > BigInt(shape.window),
    );
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
      expect({ place, events: events.length }).toEqual({ place, events: truth.expected.events });
  });

  test("the bytes are the same for any number of clients, batch and memory", () => {
    const wanted = joined(builtOut);
    const random = new SeededRandom(seed);
    const cuts = [
      ["--batch", "1"],
      ["--batch", String(2 + random.below(40)), "--memory", "1MB"],
      ["--clients", "2", "--batch", String(1 + random.below(9))],
      ["--clients", "3", "--batch", String(1 + random.below(30)), "--memory", "64MB"],
      ["--segment-size", ["3kB", "20kB"][random.below(2)]!],
    ];
    const different = cuts.filter((words) => {
      const { out } = order(input, ...window, ...words);
      return !joined(out).equals(wanted);
    });
    expect({ place, different }).toEqual({ place, different: [] });
  }, 60_000);

  test("what is in order stays as it is", () => {
    const { out } = order(orderedOut);
    expect({ place, same: joined(out).equals(joined(orderedOut)) }).toEqual({ place, same: true });
    // A run item without stamp stands where its source's largest one so far puts it: behind an event
    // that was built meanwhile that is another one.
    const unstamped = isV10 || shape.pauses > 0 || shape.missing !== "none";
    if (unstamped) return;
    const { out: again } = order(builtOut, ...window);
    expect({ place, same: joined(again).equals(joined(builtOut)) }).toEqual({ place, same: true });
  });

  test("sha512sum agrees with the checksum", () => {
    const sums = readdirSync(builtOut).filter((name) => name.endsWith(".sha512"));
    expect(sums).toHaveLength(1);
    const check = run("sha512sum", ["--check", "--strict", sums[0]!], builtOut);
    expect({ place, code: check.code, stderr: check.stderr }).toEqual({
      place,
      code: 0,
      stderr: "",
    });
  });
});

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
