import { isFragment } from "@evb/formats";
import type { EndItem, RingRun } from "@evb/index";
import { encodePart, type Part } from "../wire/part-message.ts";
import type { PartPlan } from "./cut-parts.ts";
import type { PieceList } from "./piece-list.ts";
import type { PieceSink } from "./row-pieces.ts";

/** Rows of the run's buildings and of the welcome's outputs. */
export type PartPlace = Pick<Part, "building" | "output">;

/** How what stands in a part is put on its list: what is before everything, its own units, what is behind everything. */
interface Units {
  readonly prelude: readonly ((sink: PieceSink) => void)[];
  readonly units: () => void;
  readonly end: (item: EndItem) => void;
}

/** A part with all its units, encoded. */
export function encodeUnits(
  part: PartPlan,
  more: PartPlace & Pick<Part, "sourceId" | "before" | "unbuilt">,
  { run, list }: { readonly run: RingRun; readonly list: PieceList },
  { prelude, units, end }: Units,
): Uint8Array<ArrayBuffer> {
  list.clear();
  if (part.isFirst)
    for (const unit of prelude) {
      unit(list);
      list.endItem();
    }
  units();
  if (part.isLast)
    for (const item of run.ends) {
      end(item);
      list.endItem();
    }
  const { offset, bytes } = part;
  const { v10, bigEndian } = run;
  return encodePart({ ...more, offset, bytes, v10, littleEndian: !bigEndian, ...list.columns() });
}

/** Of the fragment before a place in the run's order; 0 where there is none. */
export function stampBefore({ order, rows }: RingRun, place: number): BigUint64Array {
  let at = place - 1;
  while (at >= 0 && !isFragment(rows.kind[order[at]!]!)) at--;
  return BigUint64Array.of(at < 0 ? 0n : rows.stamp[order[at]!]!);
}
