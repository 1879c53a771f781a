import { RUN_ITEM } from "@evb/event";
import { ROW } from "@evb/formats";
import type { RingRun } from "@evb/index";
import { fault } from "../faults.ts";
import type { Building, PartLimits } from "./rebuild-order.ts";
import { endItemBytes, prelude, rowBytes, type PieceSink } from "./row-pieces.ts";

/** A built event's head: item and body header, and its byte count. */
const EVENT_HEAD_BYTES = 8 + 20 + 4;
/** NSCLDAQ 10 has no body header. */
const V10_EVENT_HEAD_BYTES = 8 + 4;

/** Sizes of items are u32. */
const ITEM_BYTES_MAX = 2 ** 32 - 1;

/** Places in the run's order whose units follow each other in one output file. */
export interface PartPlan {
  /** Number of the file among the output's. */
  readonly file: number;
  /** Where in that file it begins, and its bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly from: number;
  readonly end: number;
  /**
   * A file may end behind an event, or behind some of the run items that came in it. Of the unit at `from`
   * so many of these (the event is the first) are in parts before; of the one at `end` so many are in this one.
   */
  readonly fromSkips: number;
  readonly endTakes: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** An output's parts, and the sizes of its files. */
export interface Cut {
  readonly parts: readonly PartPlan[];
  readonly fileBytes: readonly number[];
}

/**
 * Cuts an output into files and parts, at the beginnings of units: all sizes and places are known
 * before a byte is copied.
 *
 * @param begins by place in the order, 1 where a unit begins; undefined: everywhere
 */
export function cutParts(
  run: RingRun,
  building: Building,
  begins: Uint8Array | undefined,
  limits: PartLimits,
): Cut {
  const cutter = new Cutter(limits, preludeBytes(run, building));
  const { order, rows, groups, v10 } = run;
  const headBytes = v10 ? V10_EVENT_HEAD_BYTES : EVENT_HEAD_BYTES;
  const { kind, size } = rows;
  const { segmentBytes } = limits;
  // Of the unit at `from`: it ends where the next one begins.
  let from = 0;
  let bytes = 0;
  let isEvent = false;
  let items: number[] = [];
  for (let place = 0; place < order.length; place++) {
    const row = order[place]!;
    const what = kind[row]!;
    if (place > 0 && (begins === undefined || begins[place] === 1)) {
      if (bytes > ITEM_BYTES_MAX) throw tooLarge(run, from, bytes);
      cutter.unit(from, bytes, isEvent, items);
      from = place;
      bytes = 0;
      if (items.length > 0) items = [];
    }
    if (place === from) {
      isEvent = (what & RUN_ITEM) === 0;
      if (isEvent) bytes = headBytes;
    }
    if ((what & (ROW.item | RUN_ITEM)) === 0) bytes += size[row]!;
    else {
      const some = groups.size === 0 ? rowBytes(run, row) : groupBytes(run, row);
      bytes += some;
      if (isEvent && segmentBytes < Infinity && (what & RUN_ITEM) !== 0) items.push(some);
    }
  }
  if (bytes > ITEM_BYTES_MAX) throw tooLarge(run, from, bytes);
  if (order.length > 0) cutter.unit(from, bytes, isEvent, items);
  const endBytes = run.ends.reduce((sum, item) => sum + endItemBytes(item), 0);
  return cutter.finish(order.length, endBytes);
}

/** Run items within the event count, too: it is near enough. */
function tooLarge({ number, rows, order }: RingRun, place: number, bytes: number): Error {
  const stamp = String(rows.stamp[order[place]!]!);
  return fault("event-too-large", { run: number, bytes, stamp });
}

function groupBytes(run: RingRun, row: number): number {
  const group = run.groups.get(row) ?? [row];
  return group.reduce((sum, member) => sum + rowBytes(run, member), 0);
}

export function preludeBytes(run: RingRun, building: Building): number {
  let bytes = 0;
  const sink: PieceSink = {
    copy: (_, size) => {
      bytes += size;
    },
    literal: (literal) => {
      bytes += literal.length;
    },
  };
  for (const unit of prelude(run, building)) unit(sink);
  return bytes;
}

/** Puts units into parts, and parts into files. */
export class Cutter {
  readonly #limits: PartLimits;
  readonly #parts: PartPlan[] = [];
  readonly #fileBytes: number[] = [];
  #file = 0;
  #offset = 0;
  #bytes: number;
  #from = 0;
  #fromSkips = 0;
  #events = 0;

  constructor(limits: PartLimits, preludeBytes: number) {
    this.#limits = limits;
    this.#bytes = preludeBytes;
  }

  /**
   * @param from its place in the order
   * @param bytes of all of it
   * @param items bytes of each run item that came in the event, where files have limits
   */
  unit(from: number, bytes: number, isEvent: boolean, items: readonly number[]): void {
    const { segmentBytes } = this.#limits;
    const splits = items.length > 0 && this.#held + bytes > segmentBytes;
    const eventBytes = splits ? items.reduce((rest, some) => rest - some, bytes) : bytes;
    if (this.#held > 0 && this.#held + eventBytes > segmentBytes) this.#endFile(from);
    else if (this.#bytes >= this.#limits.bytes || this.#events >= this.#limits.events)
      this.#endPart(from);
    this.#bytes += eventBytes;
    this.#events += +isEvent;
    if (!splits) return;
    for (const [k, some] of items.entries()) {
      if (this.#held + some > segmentBytes) this.#endFile(from, k + 1);
      this.#bytes += some;
    }
  }

  finish(end: number, endBytes: number): Cut {
    if (endBytes > 0 && this.#held > 0 && this.#held + endBytes > this.#limits.segmentBytes)
      this.#endFile(end);
    this.#bytes += endBytes;
    this.#endFile(end);
    const last = this.#parts.length - 1;
    this.#parts[last] = { ...this.#parts[last]!, isLast: true };
    return { parts: this.#parts, fileBytes: this.#fileBytes };
  }

  /** Bytes in this file. */
  get #held(): number {
    return this.#offset + this.#bytes;
  }

  #endFile(end: number, endTakes = 0): void {
    this.#endPart(end, endTakes);
    this.#fileBytes.push(this.#offset);
    this.#file++;
    this.#offset = 0;
  }

  #endPart(end: number, endTakes = 0): void {
    this.#parts.push({
      file: this.#file,
      offset: this.#offset,
      bytes: this.#bytes,
      from: this.#from,
      end,
      fromSkips: this.#fromSkips,
      endTakes,
      isFirst: this.#parts.length === 0,
      isLast: false,
    });
    this.#offset += this.#bytes;
    this.#bytes = 0;
    this.#events = 0;
    this.#from = end;
    this.#fromSkips = endTakes;
  }
}
