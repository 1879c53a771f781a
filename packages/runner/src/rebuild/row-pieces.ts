import {
  BODY_HEADER_BYTES,
  encodeGlomInfo,
  encodeRingFormat,
  FRAGMENT_HEADER_BYTES,
  HEADERLESS_BODY_OFFSET,
  isFragment,
  ITEM_HEADER_BYTES,
  ITEM_TYPE,
  isStateChange,
  NULL_STAMP,
  ringLayout,
  ROW,
  writeFragmentHeader,
  writeItemHead,
  type RingLayout,
} from "@evb/formats";
import type { EndItem, RingRun } from "@evb/index";
import type { Building } from "./rebuild-order.ts";

/** Where pieces go, one behind the other. */
export interface PieceSink {
  /** From the bytes of all inputs. */
  copy(offset: number, size: number): void;
  literal(bytes: Uint8Array): void;
}

/** A body header in place of the word that says there is none. */
const ADDED_HEADER_BYTES = BODY_HEADER_BYTES - (HEADERLESS_BODY_OFFSET - ITEM_HEADER_BYTES);

/** The layout of what is made for a run. */
const layoutOf = ({ version, bigEndian }: RingRun): RingLayout => ringLayout(version, !bigEndian);

/** Bytes of a row in the output: of a fragment with its header, of a run item the item. */
export function rowBytes({ rows }: RingRun, row: number): number {
  const kind = rows.kind[row]!;
  const added = (kind & ROW.headerless) === 0 ? 0 : ADDED_HEADER_BYTES;
  const header = isFragment(kind) && (kind & ROW.item) !== 0 ? FRAGMENT_HEADER_BYTES : 0;
  return rows.size[row]! + added + header;
}

/** Whether a fragment's bytes are in the output as they are in the input. */
export const isVerbatim = (run: RingRun, kind: number): boolean =>
  (kind & (ROW.item | ROW.assigned)) === 0 && ((kind & ROW.bigEndian) !== 0) === run.bigEndian;

/** Pieces of a fragment that isn't there as it should be: its header is made, and its payload may get one. */
export function fragmentPieces(run: RingRun, row: number, sink: PieceSink): void {
  const { rows } = run;
  const kind = rows.kind[row]!;
  const payloadBytes = rowBytes(run, row) - FRAGMENT_HEADER_BYTES;
  const header = new Uint8Array(FRAGMENT_HEADER_BYTES);
  const source = rows.sourceIds[rows.source[row]!]!;
  writeFragmentHeader(new DataView(header.buffer), 0, layoutOf(run), {
    stamp: rows.stamp[row]!,
    source,
    barrier: rows.barriers.get(row) ?? 0,
    payloadBytes,
  });
  sink.literal(header);
  const [offset, size] = [rows.offset[row]!, rows.size[row]!];
  if ((kind & ROW.item) === 0) {
    if (payloadBytes > 0) sink.copy(offset + FRAGMENT_HEADER_BYTES, payloadBytes);
    return;
  }
  const stamp = (kind & ROW.assigned) === 0 ? rows.stamp[row]! : NULL_STAMP;
  const type = ITEM_TYPE.PHYSICS_EVENT;
  itemPieces({ kind, offset, size, type, source, stamp }, sink);
}

/** Pieces of a run item, or of one that is a fragment's payload. */
function itemPieces(
  item: {
    kind: number;
    offset: number;
    size: number;
    type: number;
    source: number;
    stamp: bigint;
  },
  sink: PieceSink,
): void {
  const { kind, offset, size, type, source, stamp } = item;
  if ((kind & ROW.headerless) === 0) {
    sink.copy(offset, size);
    return;
  }
  const head = new Uint8Array(ITEM_HEADER_BYTES + BODY_HEADER_BYTES);
  writeItemHead(new DataView(head.buffer), 0, ringLayout(12, (kind & ROW.bigEndian) === 0), {
    type,
    size: size + ADDED_HEADER_BYTES,
    header: { stamp, source, barrier: isStateChange(type) ? type : 0 },
  });
  sink.literal(head);
  const rest = size - HEADERLESS_BODY_OFFSET;
  if (rest > 0) sink.copy(offset + HEADERLESS_BODY_OFFSET, rest);
}

/** Pieces of a run item among the events. */
export function runItemPieces({ rows }: RingRun, row: number, sink: PieceSink): void {
  itemPieces(
    {
      kind: rows.kind[row]!,
      offset: rows.offset[row]!,
      size: rows.size[row]!,
      type: rows.headerlessTypes.get(row) ?? 0,
      source: rows.sourceIds[rows.source[row]!]!,
      stamp: NULL_STAMP,
    },
    sink,
  );
}

export const endItemPieces = (item: EndItem, sink: PieceSink): void => {
  itemPieces({ ...item, stamp: NULL_STAMP }, sink);
};

export const endItemBytes = ({ kind, size }: EndItem): number =>
  size + ((kind & ROW.headerless) === 0 ? 0 : ADDED_HEADER_BYTES);

/**
 * What stands before everything else, in units: RING_FORMAT, which is made where there is none, the
 * BEGIN_RUNs, and EVB_GLOM_INFO behind them, which what isn't built doesn't have. NSCLDAQ 10 knows
 * neither the first nor the last.
 */
export function prelude(run: RingRun, building: Building): ((sink: PieceSink) => void)[] {
  const { begins, format, v10 } = run;
  const isPlain = building.sourceOnly !== undefined;
  const units = begins.map((item) => (sink: PieceSink): void => {
    if (isPlain) sink.copy(item.offset, item.size);
    else endItemPieces(item, sink);
  });
  if (v10) return units;
  const layout = layoutOf(run);
  units.unshift((sink) => {
    if (format === undefined)
      sink.literal(encodeRingFormat(layout, { major: layout.version, minor: 0 }));
    else endItemPieces(format, sink);
  });
  if (begins.length > 0 && !isPlain)
    units.push((sink) => {
      sink.literal(encodeGlomInfo(layout, glomInfo(building)));
    });
  return units;
}

function glomInfo({ windowTicks, policy, ticksWithoutWindow }: Building): {
  windowTicks: bigint;
  isBuilding: boolean;
  policy: "first" | "last" | "average";
} {
  const policies = { earliest: "first", latest: "last", average: "average" } as const;
  return {
    windowTicks: windowTicks ?? ticksWithoutWindow,
    isBuilding: windowTicks !== undefined,
    policy: policies[policy],
  };
}
