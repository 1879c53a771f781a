import { RUN_ITEM } from "@evb/event";
import type { RingRun } from "@evb/index";
import { encodePart } from "../wire/part-message.ts";
import type { PartPlan } from "./cut-parts.ts";
import { PieceList } from "./piece-list.ts";
import type { Building } from "./rebuild-order.ts";
import { endItemPieces, fragmentPieces, isVerbatim, prelude, runItemPieces } from "./row-pieces.ts";

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

  /** @param where rows of the run's buildings and of the welcome's outputs */
  encode(
    part: PartPlan,
    where: { readonly building: number; readonly output: number },
  ): Uint8Array<ArrayBuffer> {
    const { v10, bigEndian, ends } = this.#run;
    const list = this.#list;
    list.clear();
    if (part.isFirst)
      for (const unit of prelude(this.#run, this.#building)) {
        unit(list);
        list.endItem();
      }
    for (let place = part.from; place < part.end;) place = this.#unit(place, part.end);
    if (part.isLast)
      for (const item of ends) {
        endItemPieces(item, list);
        list.endItem();
      }
    return encodePart({
      ...where,
      offset: part.offset,
      bytes: part.bytes,
      littleEndian: !bigEndian,
      v10,
      sourceId: this.#building.sourceId,
      before: this.#before(part.from),
      ...list.columns(),
    });
  }

  /** The unit that begins at a place; returns where the next one does. */
  #unit(place: number, partEnd: number): number {
    const { order, rows } = this.#run;
    const begins = this.#begins;
    if ((rows.kind[order[place]!]! & RUN_ITEM) !== 0) {
      this.#runItem(order[place]!);
      return place + 1;
    }
    let end = place + 1;
    if (begins !== undefined) while (end < partEnd && begins[end] === 0) end++;
    this.#event(place, end);
    return end;
  }

  /** Run items that came in the middle of an event stand behind it. */
  #event(from: number, end: number): void {
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
    if (fragments === end - from) return;
    for (let place = from; place < end; place++) {
      const row = order[place]!;
      if ((rows.kind[row]! & RUN_ITEM) !== 0) this.#runItem(row);
    }
  }

  #runItem(row: number): void {
    const { groups } = this.#run;
    for (const member of groups.get(row) ?? [row]) {
      runItemPieces(this.#run, member, this.#list);
      this.#list.endItem();
    }
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

  /** Of the fragment before a place. */
  #before(place: number): BigUint64Array {
    const { order, rows } = this.#run;
    let at = place - 1;
    while (at >= 0 && (rows.kind[order[at]!]! & RUN_ITEM) !== 0) at--;
    return BigUint64Array.of(at < 0 ? 0n : rows.stamp[order[at]!]!);
  }
}
