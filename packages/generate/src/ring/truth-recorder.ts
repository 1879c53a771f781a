import { createHash } from "node:crypto";
import { ITEM_TYPE, itemTypeName } from "@evb/formats";
import type { MockFragment, RunItem } from "./arrivals.ts";
import { ExpectedCount } from "./expected-events.ts";
import { sourceIds, triggersMax, type MockRingRun } from "./mock-ring-run.ts";
import type { RingTruth, TrueFragment, TrueRunItem, TrueSource } from "./ring-truth.ts";
import { isBarrier } from "./run-items.ts";
import type { ItemPlace, SegmentWriter } from "./segments.ts";
import { FIRST_TICK, NO_STAMP, STAMP_ZERO, stampOf } from "./stamps.ts";

/** A list of them is 25 MB of JSON. */
const LISTED_FRAGMENTS_MAX = 100_000;

/** What is known of a source while its run is written. */
interface SourceCounts {
  fragments: number;
  duplicates: number;
  backwardSteps: number;
  nullStamps: number;
  payloadBytes: number;
  readonly items: Record<string, number>;
  /** The largest stamp that it has shown, in ticks. */
  largest: number;
  /** Of its fragment before. */
  last: number | undefined;
}

/** Notes what is written, in file order. */
export class TruthRecorder {
  readonly #run: MockRingRun;
  readonly #writer: SegmentWriter;
  readonly #sources: ReadonlyMap<number, SourceCounts>;
  readonly #expected = new ExpectedCount();
  readonly #fragmentList: TrueFragment[] | undefined;
  readonly #runItems: TrueRunItem[] | undefined;
  readonly #itemsByType: Record<string, number> = {};
  #fragments = 0;

  constructor(run: MockRingRun, writer: SegmentWriter) {
    this.#run = run;
    this.#writer = writer;
    this.#sources = new Map(sourceIds(run).map((source) => [source, noCounts()]));
    if (triggersMax(run) * run.sources > LISTED_FRAGMENTS_MAX) return;
    this.#fragmentList = [];
    this.#runItems = [];
  }

  addPhysics(): void {
    count(this.#itemsByType, ITEM_TYPE.PHYSICS_EVENT);
  }

  /** @param payloadAt where its item is in the writer's slab */
  addFragment(fragment: MockFragment, place: ItemPlace, payloadAt: number): void {
    const counts = this.#sources.get(fragment.source)!;
    const stamp = this.#shownStamp(fragment);
    if (stamp === NO_STAMP) counts.nullStamps++;
    else counts.largest = Math.max(counts.largest, stamp);
    const ticks = stamp === NO_STAMP ? this.#ticksOfNull(fragment, counts) : stamp;
    if (stamp !== NO_STAMP && ticks === counts.last) counts.duplicates++;
    if (counts.last !== undefined && ticks < counts.last) counts.backwardSteps++;
    counts.last = ticks;
    counts.fragments++;
    counts.payloadBytes += fragment.bytes;
    this.#fragments++;
    this.#expected.addFragment(ticks, fragment.source);
    this.#fragmentList?.push(this.#trueFragment(fragment, place, payloadAt, { stamp, ticks }));
  }

  addRunItem(item: RunItem, place: ItemPlace): void {
    count(this.#itemsByType, item.type);
    const counts = item.source === undefined ? undefined : this.#sources.get(item.source);
    if (counts !== undefined) {
      if (item.stamp !== undefined && item.stamp !== NO_STAMP)
        counts.largest = Math.max(counts.largest, item.stamp);
      count(counts.items, item.type);
      this.#addPause(item, counts);
    }
    this.#runItems?.push({
      item: place.item,
      file: this.#fileOf(place),
      offset: place.offset,
      bytes: item.item.byteLength,
      type: nameOf(item.type),
      source: item.source ?? null,
      hasHeader: item.barrier !== undefined,
      stamp: stampText(item.stamp ?? NO_STAMP),
      barrier: item.barrier ?? null,
    });
  }

  /** @param triggers that the run had */
  truth(triggers: number): RingTruth {
    const { run, seed, version, littleEndian, nesting, windowTicks } = this.#run;
    const { segments, damage, bytes } = this.#writer;
    let items = 0;
    return {
      format: "evb-ring-truth",
      version: 1,
      seed,
      run,
      itemVersion: version,
      byteOrder: littleEndian ? "little" : "big",
      nesting,
      firstTick: String(FIRST_TICK),
      triggers,
      bytes,
      files: segments.map((segment) => {
        const firstItem = items;
        items += segment.items;
        return { file: segment.file, bytes: segment.bytes, items: segment.items, firstItem };
      }),
      items,
      itemsByType: this.#itemsByType,
      fragments: this.#fragments,
      sources: [...this.#sources].map(([source, counts]) => trueSource(source, counts)),
      damage,
      expected: this.#expected.count(windowTicks) ?? null,
      runItems: this.#runItems ?? null,
      fragmentList: this.#fragmentList ?? null,
    };
  }

  /** In a built event the fragment header has it, whatever the payload has. */
  #shownStamp({ isHeaderless, stamp }: MockFragment): number {
    return this.#run.nesting === 0 && isHeaderless ? NO_STAMP : stamp;
  }

  /** A raw item without header is expected where an extractor finds its time: in its body. */
  #ticksOfNull({ isHeaderless, ticks }: MockFragment, { largest }: SourceCounts): number {
    return this.#run.nesting === 0 && isHeaderless ? ticks : largest;
  }

  /** A PAUSE_RUN or RESUME_RUN is a member of its source's k-th group. */
  #addPause(item: RunItem, counts: SourceCounts): void {
    const { type, source, stamp } = item;
    if (source === undefined || (type !== ITEM_TYPE.PAUSE_RUN && type !== ITEM_TYPE.RESUME_RUN))
      return;
    const ticks = stamp === undefined || stamp === NO_STAMP ? counts.largest : stamp;
    const group = `${String(type)} ${String(counts.items[nameOf(type)])}`;
    this.#expected.addPause(group, ticks, source, isBarrier(item));
  }

  #trueFragment(
    { source, bytes }: MockFragment,
    place: ItemPlace,
    payloadAt: number,
    { stamp, ticks }: { stamp: number; ticks: number },
  ): TrueFragment {
    const payload = this.#writer.slab.subarray(payloadAt, payloadAt + bytes);
    return {
      stamp: stampText(stamp),
      orderStamp: String(stampOf(ticks)),
      source,
      item: place.item,
      file: this.#fileOf(place),
      offset: place.offset,
      bytes,
      sha1: createHash("sha1").update(payload).digest("hex"),
    };
  }

  #fileOf({ segment }: ItemPlace): string {
    return this.#writer.segments[segment]!.file;
  }
}

const noCounts = (): SourceCounts => ({
  fragments: 0,
  duplicates: 0,
  backwardSteps: 0,
  nullStamps: 0,
  payloadBytes: 0,
  items: {},
  largest: STAMP_ZERO,
  last: undefined,
});

function trueSource(source: number, counts: SourceCounts): TrueSource {
  const { fragments, items, duplicates, backwardSteps, nullStamps, payloadBytes } = counts;
  return { source, fragments, items, duplicates, backwardSteps, nullStamps, payloadBytes };
}

const nameOf = (type: number): string => itemTypeName(type) ?? String(type);

function count(counts: Record<string, number>, type: number): void {
  const name = nameOf(type);
  counts[name] = (counts[name] ?? 0) + 1;
}

const stampText = (ticks: number): string | null =>
  ticks === NO_STAMP ? null : String(stampOf(ticks));
