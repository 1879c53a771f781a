import { RUN_ITEM } from "@evb/event";
import type { RingRun } from "@evb/index";
import { encodeUnits, stampBefore, type PartPlace } from "./encode-units.ts";
import type { PartPlan } from "./cut-parts.ts";
import { PieceList } from "./piece-list.ts";
import type { Building } from "./rebuild-order.ts";
import { endItemPieces, fragmentPieces, isVerbatim, prelude, runItemPieces } from "./row-pieces.ts";

/** Of an event and the run items behind it: how many are left out, and behind which no more is taken. */
interface Some {
  readonly skips: number;
  readonly takes: number;
}

/** Says for each part of an output what is to be written. */
export class PartEncoder {
  readonly #run: RingRun;
  readonly #building: Building;
  readonly #begins: Uint8Array | undefined;
  readonly #list = new PieceList();

  constructor(run: RingRun, building: Building, begins: Uint8Array | undefined) {
    this.#run = run;
    this.#building = building;
    this.#begins = begins;
  }

  encode(part: PartPlan, where: PartPlace): Uint8Array<ArrayBuffer> {
    const run = this.#run;
    const list = this.#list;
    const { from, end, fromSkips, endTakes } = part;
    const { sourceId } = this.#building;
    const before = stampBefore(run, fromSkips > 0 ? this.#endOf(from) : from);
    return encodeUnits(
      part,
      { ...where, sourceId, before },
      { run, list },
      {
        prelude: prelude(run, this.#building),
        units: () => {
          for (let place = from; place < end;) {
            const skips = place === from ? fromSkips : 0;
            place = this.#unit(place, { skips, takes: Infinity });
          }
          if (endTakes > 0)
            this.#unit(end, { skips: from === end ? fromSkips : 0, takes: endTakes });
        },
        end: (item) => {
          endItemPieces(item, list);
        },
      },
    );
  }

  /** The unit that begins at a place, or some of it: see {@link PartPlan.fromSkips}. Returns where the next one begins. */
  #unit(place: number, some: Some): number {
    const { order, rows } = this.#run;
    if ((rows.kind[order[place]!]! & RUN_ITEM) !== 0) {
      this.#runItem(order[place]!);
      return place + 1;
    }
    const end = this.#endOf(place);
    const fragments = some.skips === 0 ? this.#event(place, end) : 0;
    if (fragments < end - place) this.#itemsIn(place, end, some);
    return end;
  }

  /** Returns how many fragments it has. */
  #event(from: number, end: number): number {
    const { order, rows } = this.#run;
    const list = this.#list;
    let fragments = 0;
    let last = order[from]!;
    for (let place = from; place < end; place++) {
      const row = order[place]!;
      const kind = rows.kind[row]!;
      if ((kind & RUN_ITEM) !== 0) continue;
      if (isVerbatim(this.#run, kind)) list.copy(rows.offset[row]!, rows.size[row]!);
      else fragmentPieces(this.#run, row, list);
      fragments++;
      last = row;
    }
    const { policy } = this.#building;
    if (policy === "average") list.endEvent(fragments, this.#mean(from, end, fragments));
    else list.endEventAt(fragments, rows.stampWords, policy === "earliest" ? order[from]! : last);
    return fragments;
  }

  /** Run items that came in the middle of an event stand behind it. */
  #itemsIn(from: number, end: number, { skips, takes }: Some): void {
    const { order, rows } = this.#run;
    let before = 1;
    for (let place = from; place < end && before < takes; place++) {
      const row = order[place]!;
      if ((rows.kind[row]! & RUN_ITEM) === 0) continue;
      if (before >= skips) this.#runItem(row);
      before++;
    }
  }

  #runItem(row: number): void {
    const { groups } = this.#run;
    for (const member of groups.get(row) ?? [row]) {
      runItemPieces(this.#run, member, this.#list);
      this.#list.endItem();
    }
  }

  /** Where the unit that begins at a place ends. */
  #endOf(place: number): number {
    let end = place + 1;
    while (end < this.#run.order.length && this.#begins?.[end] === 0) end++;
    return end;
  }

  /** Exact, and rounded down: differences from the first stamp are added, which can't wrap. */
  #mean(from: number, end: number, fragments: number): bigint {
    const { order, rows } = this.#run;
    const first = rows.stamp[order[from]!]!;
    let sum = 0n;
    for (let place = from; place < end; place++) {
      const row = order[place]!;
      if ((rows.kind[row]! & RUN_ITEM) === 0) sum += rows.stamp[row]! - first;
    }
    return first + sum / BigInt(fragments);
  }
}
