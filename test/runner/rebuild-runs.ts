import type { Building, StampPolicy } from "@evb/runner";
import { NO_STAMP, RingBytes, TYPES, type Writer } from "../support/ring-bytes.ts";
import type { SeededRandom } from "../support/random.ts";

/** What stands among the events of a run: a fragment, or run items that stay together. */
interface Row {
  readonly what: "fragment" | "item" | "barrier";
  readonly stamp: bigint;
  readonly source: number;
  readonly bytes: Buffer;
}

/** A random run as files, and as the rows that are in them. */
export interface RandomRun {
  readonly writer: Writer;
  /** Name → items, in the order of the streams. */
  readonly files: ReadonlyMap<string, Buffer[]>;
  readonly format: Buffer | undefined;
  readonly begins: readonly Buffer[];
  readonly ends: readonly Buffer[];
  /** In the order of their arrival; stamps that were NULL are those that they get. */
  readonly rows: readonly Row[];
}

const RUN = 1;
const SOURCES = [1, 2, 3, 70_000];
const BASES = [0n, 2n ** 32n - 100n, 2n ** 53n, 2n ** 64n - 3000n];

/** The parts of a run while it is made. */
class Making {
  readonly ring: RingBytes;
  readonly random: SeededRandom;
  readonly rows: Row[] = [];
  items: Buffer[] = [];
  readonly #base: bigint;
  readonly #isV10: boolean;
  readonly #payloadMax: number;
  #shown = new Map<number, bigint>();
  #tick = 0;

  constructor(writer: Writer, random: SeededRandom) {
    this.ring = new RingBytes(writer);
    this.random = random;
    this.#base = BASES[random.below(BASES.length)]!;
    this.#isV10 = writer.version === 10;
    this.#payloadMax = random.below(4) === 0 ? 300 : 24;
  }

  beginStream(): void {
    this.items = [];
    this.#shown = new Map();
  }

  source(): number {
    return SOURCES[this.random.below(SOURCES.length)]!;
  }

  /** Mostly a little later than the one before, or NULL. */
  stamp(): bigint {
    if (this.random.below(12) === 0) return NO_STAMP;
    this.#tick += this.random.below(12);
    const late = this.random.below(9) === 0 ? this.random.below(60) : 0;
    return this.#base + BigInt(Math.max(0, this.#tick - late));
  }

  built(): void {
    const fragments = Array.from({ length: this.random.below(5) }, () => {
      const [stamp, source] = [this.stamp(), this.source()];
      const barrier = this.random.below(20) === 0 ? 5 : 0;
      return { stamp, source, barrier, payload: this.#payload(stamp, source) };
    });
    this.items.push(this.ring.built({ stamp: 0n, source: 99 }, fragments));
    for (const fragment of fragments) {
      const { source } = fragment;
      const stamp = this.show(source, fragment.stamp);
      this.rows.push({
        what: "fragment",
        stamp,
        source,
        bytes: this.ring.fragment({ ...fragment, stamp }),
      });
    }
  }

  /** An event that nobody has built yet. */
  raw(): void {
    const [stamp, source] = [this.stamp(), this.source()];
    const payload = this.ring.physics({ stamp, source }, this.#bytes(this.#payloadMax));
    this.items.push(payload);
    const shown = this.show(source, stamp);
    const bytes = this.ring.fragment({ stamp: shown, source, payload });
    this.rows.push({ what: "fragment", stamp: shown, source, bytes });
  }

  scalers(): void {
    const [stamp, source] = [this.stamp(), this.source()];
    const bytes = this.ring.item(TYPES.PERIODIC_SCALERS, { stamp, source }, this.#bytes(60));
    this.items.push(bytes);
    this.rows.push({ what: "item", stamp: this.show(source, stamp), source, bytes });
  }

  /** The largest that the source has shown so far stands for NULL. */
  show(source: number, stamp: bigint): bigint {
    const before = this.#shown.get(source) ?? 0n;
    if (stamp === NO_STAMP) return before;
    if (stamp > before) this.#shown.set(source, stamp);
    return stamp;
  }

  #bytes(max: number): number[] {
    return Array.from({ length: this.random.below(max) }, () => this.random.below(256));
  }

  /** An item, or bytes that are none. */
  #payload(stamp: bigint, source: number): Uint8Array {
    const bytes = this.#bytes(this.#payloadMax);
    if (this.random.below(4) === 0) return Uint8Array.from(bytes, (byte) => byte | 128);
    const header = this.#isV10 || this.random.below(5) === 0 ? undefined : { stamp, source };
    return this.ring.physics(header, [1, 2, ...bytes]);
  }
}

/** Which event-builder inputs a seed stands for: versions, byte orders, segments and streams take turns. */
export function randomRun(random: SeededRandom, rowsMax = 60): RandomRun {
  const version = ([10, 11, 12] as const)[random.below(3)]!;
  const writer = { version, littleEndian: random.below(2) === 0 };
  const making = new Making(writer, random);
  const { ring } = making;
  const files = new Map<string, Buffer[]>();
  const hasFormat = version !== 10 && random.below(3) > 0;
  const streams = version === 10 ? 1 : 1 + random.below(2);
  const state = (name: "BEGIN_RUN" | "END_RUN", source: number): Buffer =>
    ring.state(name, { run: RUN }, { source, barrier: TYPES[name] });
  const sources = (stream: number): number[] => (stream === 0 ? [2, 1] : [3]);
  for (let stream = 0; stream < streams; stream++) {
    making.beginStream();
    if (hasFormat) making.items.push(ring.format());
    for (const source of sources(stream)) making.items.push(state("BEGIN_RUN", source));
    if (version !== 10 && random.below(2) === 0) making.items.push(ring.glomInfo({ window: 5n }));
    for (let row = random.below(rowsMax); row > 0; row--) {
      const die = version === 10 ? 0 : random.below(8);
      if (die < 6) making.built();
      else if (die === 6) making.raw();
      else making.scalers();
    }
    for (const source of sources(stream)) making.items.push(state("END_RUN", source));
    for (const [k, items] of segments(making.items, random).entries())
      files.set(`${"ab"[stream]!}-0001-0${String(k)}.evt`, items);
  }
  // Without headers they keep the order in which they came.
  const all = [...Array(streams).keys()].flatMap(sources);
  const ids = version === 10 ? all : all.sort((one, other) => one - other);
  return {
    writer,
    files,
    format: hasFormat ? ring.format() : undefined,
    begins: ids.map((source) => state("BEGIN_RUN", source)),
    ends: ids.map((source) => state("END_RUN", source)),
    rows: making.rows,
  };
}

/** The first holds all BEGIN_RUNs. */
function segments(items: readonly Buffer[], random: SeededRandom): Buffer[][] {
  if (random.below(2) === 0) return [[...items]];
  const middle = Math.max(4, random.below(items.length));
  const [one, other] = [items.slice(0, middle), items.slice(middle)];
  return other.length === 0 ? [one] : [one, other];
}

const POLICIES = ["earliest", "latest", "average"] as const;

export function randomBuilding(random: SeededRandom): Building {
  const windowTicks = [undefined, 0n, 3n, 20n, 20n, 200n, 2n ** 64n - 1n][random.below(7)];
  return {
    windowTicks,
    match: random.below(4) === 0 ? "gap" : "window",
    policy: POLICIES[random.below(3)]!,
    fragmentsMax: [Infinity, Infinity, 1, 2, 5][random.below(5)]!,
    sourceId: [0, 7, 2 ** 32 - 1][random.below(3)]!,
    ticksWithoutWindow: BigInt(random.below(2)),
  };
}

const EVERY_POLICY: Readonly<Record<StampPolicy, (stamps: readonly bigint[]) => bigint>> = {
  earliest: (stamps) => stamps.reduce((one, other) => (other < one ? other : one)),
  latest: (stamps) => stamps.reduce((one, other) => (other > one ? other : one)),
  average: (stamps) => stamps.reduce((one, other) => one + other, 0n) / BigInt(stamps.length),
};

/** The output's items, in the plain way: one sort, and one event that is open. */
export function plainlyRebuilt(run: RandomRun, building: Building): Buffer[] {
  const { rows, writer, format, begins, ends } = run;
  const ring = new RingBytes(writer);
  const items: Buffer[] = [...begins];
  if (writer.version !== 10) {
    items.unshift(format ?? ring.format());
    const { windowTicks, policy, ticksWithoutWindow } = building;
    items.push(
      ring.glomInfo({
        window: windowTicks ?? ticksWithoutWindow,
        building: windowTicks !== undefined,
        policy: POLICIES.indexOf(policy) as 0 | 1 | 2,
      }),
    );
  }
  for (const unit of unitsOf(inOrder(rows), building)) {
    const fragments = unit.filter(({ what }) => what === "fragment");
    if (fragments.length > 0) {
      const stamp = EVERY_POLICY[building.policy](fragments.map((row) => row.stamp));
      const bytes = Buffer.concat(fragments.map((row) => row.bytes));
      const body = Buffer.concat([ring.u32(4 + bytes.length), bytes]);
      items.push(ring.item(TYPES.PHYSICS_EVENT, { stamp, source: building.sourceId }, body));
    }
    for (const { what, bytes } of unit) if (what !== "fragment") items.push(bytes);
  }
  return [...items, ...ends];
}

/** Events, each with the run items that stand behind it. */
function unitsOf(rows: readonly Row[], building: Building): Row[][] {
  const { windowTicks, match, fragmentsMax } = building;
  const units: Row[][] = [[]];
  for (const row of rows) {
    const fragments = units.at(-1)!.filter(({ what }) => what === "fragment");
    const since = match === "gap" ? fragments.at(-1) : fragments[0];
    const joins =
      since !== undefined &&
      windowTicks !== undefined &&
      row.stamp - since.stamp <= windowTicks &&
      fragments.length < fragmentsMax;
    if (row.what === "fragment" && !joins) units.push([]);
    units.at(-1)!.push(row);
  }
  return units;
}

/** By (stamp, source, arrival): the sort keeps what is equal. */
const inOrder = (rows: readonly Row[]): Row[] =>
  [...rows].sort((one, other) =>
    one.stamp === other.stamp ? one.source - other.source : one.stamp < other.stamp ? -1 : 1,
  );
