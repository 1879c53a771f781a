import { FRAGMENT_HEADER_BYTES, isFragment, ROW } from "@evb/formats";
import type { RingRun } from "@evb/index";
import { Cutter, preludeBytes, type Cut, type PartPlan } from "./cut-parts.ts";
import { encodeUnits, stampBefore, type PartPlace } from "./encode-units.ts";
import { PieceList } from "./piece-list.ts";
import type { Building, PartLimits } from "./rebuild-order.ts";
import { prelude } from "./row-pieces.ts";

/**
 * Cuts the items of one source into files and parts; each item is a unit.
 *
 * @param run of that source alone, as of {@link sourceRuns}
 */
export function cutSourceParts(run: RingRun, building: Building, limits: PartLimits): Cut {
  const cutter = new Cutter(limits, preludeBytes(run, building));
  for (const [place, row] of run.order.entries())
    cutter.unit(place, itemOf(run, row).size, isFragment(run.rows.kind[row]!), NO_ITEMS);
  const endBytes = run.ends.reduce((sum, { size }) => sum + size, 0);
  return cutter.finish(run.order.length, endBytes);
}

/** No item stands in another. */
const NO_ITEMS: readonly number[] = [];

/** The item of a row, as it lies in the inputs: of a fragment its payload. */
function itemOf({ rows }: RingRun, row: number): { offset: number; size: number } {
  const isItem = (rows.kind[row]! & ROW.item) !== 0;
  const head = isItem ? 0 : FRAGMENT_HEADER_BYTES;
  return { offset: rows.offset[row]! + head, size: rows.size[row]! - head };
}

/** Says for each part of a source's items what is to be written: all of it as it was. */
export class SourcePartEncoder {
  readonly #run: RingRun;
  readonly #building: Building;
  readonly #list = new PieceList();

  constructor(run: RingRun, building: Building) {
    this.#run = run;
    this.#building = building;
  }

  encode(part: PartPlan, where: PartPlace): Uint8Array<ArrayBuffer> {
    const run = this.#run;
    const list = this.#list;
    const before = stampBefore(run, part.from);
    const more = { ...where, sourceId: this.#building.sourceOnly!, before, unbuilt: true as const };
    return encodeUnits(
      part,
      more,
      { run, list },
      {
        prelude: prelude(run, this.#building),
        units: () => {
          for (let place = part.from; place < part.end; place++) this.#item(run.order[place]!);
        },
        end: ({ offset, size }) => {
          list.copy(offset, size);
        },
      },
    );
  }

  #item(row: number): void {
    const { rows } = this.#run;
    const { offset, size } = itemOf(this.#run, row);
    if (size > 0) this.#list.copy(offset, size);
    if (isFragment(rows.kind[row]!)) this.#list.endEventAt(1, rows.stampWords, row);
    else this.#list.endItem();
  }
}
