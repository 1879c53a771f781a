import {
  encodeEventCount,
  encodeGlomInfo,
  encodeRingFormat,
  encodeScalers,
  encodeStampedScalers,
  encodeStateChange,
  encodeText,
  isStateChange,
  ITEM_TYPE,
  type HeaderToWrite,
  type RingLayout,
} from "@evb/formats";
import type { RunItem } from "./arrivals.ts";
import { layoutOf, sourceIds, type MockRingRun } from "./mock-ring-run.ts";
import { NO_STAMP, stampOf } from "./stamps.ts";

/** Second of the run's begin; the n-th reading of the scalers comes n seconds later. */
const BEGIN_UNIX_TIME = 1_700_000_000;
const SCALERS = 3;

/** Whether an item of a source has no body header. */
export function missesHeader(
  { missingHeaders, version }: MockRingRun,
  source: number,
  { isPhysics }: { isPhysics: boolean },
): boolean {
  if (version === 10) return true;
  switch (missingHeaders.kind) {
    case "none":
      return false;
    case "run-items":
      return !isPhysics;
    case "all":
      return true;
    case "sources":
      return missingHeaders.sources.includes(source);
  }
}

/** What is behind the body headers of a run, for whoever writes one. */
export const extensionOf = (run: MockRingRun): Uint8Array | undefined =>
  run.extensionBytes === 0
    ? undefined
    : Uint8Array.from({ length: run.extensionBytes }, (_, at) => at + 1);

/** A body header, and its stamp in ticks. */
interface TickedHeader extends HeaderToWrite {
  readonly ticks: number;
}

/** Makes the items of a run that are no PHYSICS_EVENTs. */
export class RunItems {
  readonly #run: MockRingRun;
  readonly #layout: RingLayout;
  readonly #sources: readonly number[];
  readonly #extension: Uint8Array | undefined;

  constructor(run: MockRingRun) {
    this.#run = run;
    this.#layout = layoutOf(run);
    this.#sources = sourceIds(run);
    this.#extension = extensionOf(run);
  }

  /** RING_FORMAT, the BEGINs and, in a built run, EVB_GLOM_INFO behind the first of them; then each source's texts. */
  *begin(): Generator<RunItem> {
    if (this.#layout.version > 10) yield this.#ringFormat();
    for (const [row, source] of this.#sources.entries()) {
      yield this.#stateChange(ITEM_TYPE.BEGIN_RUN, source, 1, 0);
      if (row === 0 && this.#run.nesting > 0 && this.#layout.version > 10) yield this.#glomInfo();
    }
    for (const source of this.#sources) yield this.#packetTypes(source);
  }

  /** Every other group is none of barriers. */
  *pause(group: number, trigger: number): Generator<RunItem> {
    for (const type of [ITEM_TYPE.PAUSE_RUN, ITEM_TYPE.RESUME_RUN] as const)
      for (const source of this.#sources)
        yield this.#stateChange(type, source, group % 2 === 0 ? type : 0, trigger);
  }

  *end(ticks: number): Generator<RunItem> {
    const offset = Math.floor(ticks / this.#run.periodTicks);
    for (const source of this.#sources)
      yield this.#stateChange(ITEM_TYPE.END_RUN, source, ITEM_TYPE.END_RUN, offset);
  }

  /** A source's scalers and its count of triggers. */
  *scalers(source: number, ticks: number, trigger: number): Generator<RunItem> {
    const reading = trigger / this.#run.scalersEvery;
    const unixTime = BEGIN_UNIX_TIME + reading;
    const header = this.#header(source, ticks, 0);
    const interval = { start: reading - 1, end: reading, divisor: 1, unixTime };
    const values = Array.from({ length: SCALERS }, (_, row) =>
      row === 0 ? source : trigger * row,
    );
    const scalers = { ...interval, isIncremental: true, originalSource: source, values };
    const isStamped = this.#layout.version === 10 && source % 2 === 0;
    const type = isStamped ? ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS : ITEM_TYPE.PERIODIC_SCALERS;
    const item = isStamped
      ? encodeStampedScalers(this.#layout, { ...scalers, stamp: stampOf(ticks) })
      : encodeScalers(this.#layout, scalers, header);
    yield itemOf({ type, source, timeOffset: reading, item }, header);
    yield this.#eventCount(source, header, { offset: reading, unixTime, events: trigger });
  }

  /** What glom writes behind each PERIODIC_SCALERS: how many events it has built so far, at their interval's end. */
  glomsCount(events: number, offset: number): RunItem {
    const header = { ticks: NO_STAMP, stamp: stampOf(NO_STAMP), source: 0, barrier: 0 };
    return this.#eventCount(0, header, { offset, unixTime: BEGIN_UNIX_TIME + offset, events });
  }

  #ringFormat(): RunItem {
    // glom writes its own with the word of version 11.
    const layout =
      this.#run.nesting > 0 ? { ...this.#layout, headerlessWord: 0 as const } : this.#layout;
    const item = encodeRingFormat(layout, { major: layout.version, minor: 0 });
    return itemOf(
      { type: ITEM_TYPE.RING_FORMAT, source: undefined, timeOffset: 0, item },
      undefined,
    );
  }

  #glomInfo(): RunItem {
    const windowTicks = BigInt(this.#run.windowTicks);
    const glom = { windowTicks, isBuilding: true, policy: "first" } as const;
    const item = encodeGlomInfo(this.#layout, glom);
    return itemOf(
      { type: ITEM_TYPE.EVB_GLOM_INFO, source: undefined, timeOffset: 0, item },
      undefined,
    );
  }

  #stateChange(type: 1 | 2 | 3 | 4, source: number, barrier: number, offset: number): RunItem {
    const header = this.#header(source, NO_STAMP, barrier);
    const change = {
      type,
      run: this.#run.run,
      offset,
      divisor: 1,
      unixTime: BEGIN_UNIX_TIME + offset,
      originalSource: source,
      title: `mock run ${String(this.#run.run)}, source ${String(source)}`,
    };
    const item = encodeStateChange(this.#layout, change, header);
    return itemOf({ type, source, timeOffset: offset, item }, header);
  }

  #packetTypes(source: number): RunItem {
    const header = this.#header(source, NO_STAMP, 0);
    const text = {
      type: ITEM_TYPE.PACKET_TYPES,
      offset: 0,
      divisor: 1,
      unixTime: BEGIN_UNIX_TIME,
      originalSource: source,
      strings: [`mock:noise of source ${String(source)}:1`, "second:"],
    };
    const item = encodeText(this.#layout, text, header);
    return itemOf({ type: text.type, source, timeOffset: 0, item }, header);
  }

  #eventCount(
    source: number,
    header: TickedHeader | undefined,
    { offset, unixTime, events }: { offset: number; unixTime: number; events: number },
  ): RunItem {
    const count = { offset, divisor: 1, unixTime, originalSource: source, events: BigInt(events) };
    const item = encodeEventCount(this.#layout, count, header);
    return itemOf(
      { type: ITEM_TYPE.PHYSICS_EVENT_COUNT, source, timeOffset: offset, item },
      header,
    );
  }

  #header(source: number, ticks: number, barrier: number): TickedHeader | undefined {
    if (missesHeader(this.#run, source, { isPhysics: false })) return undefined;
    return { ticks, stamp: stampOf(ticks), source, barrier, extension: this.#extension };
  }
}

const itemOf = (
  item: Pick<RunItem, "type" | "source" | "timeOffset" | "item">,
  header: TickedHeader | undefined,
): RunItem => ({
  kind: "item",
  ...item,
  stamp: header?.ticks,
  barrier: header?.barrier,
  arrives: 0,
  turn: 0,
});

/** A state change that has no header is taken for one (specification 4.1). */
export const isBarrier = ({ type, barrier }: RunItem): boolean =>
  isStateChange(type) && barrier !== 0;
