import { FRAGMENT_HEADER_BYTES, HEAD_BYTES, ITEM_HEADER_BYTES } from "./head.ts";
import { ITEM_TYPE, itemTypeName } from "./item-type.ts";
import { hasBadHeader, outlineOf, type ItemOutline } from "./version.ts";

/** The byte count at the beginning of a built event's body. */
const COUNT_BYTES = 4;
/** A damaged file may pretend to any depth; builders have two levels or three. */
const NESTING_MAX = 64;

/** One fragment of a built event. Offsets are in bytes of the view that the event was read from. */
export interface Fragment {
  /** From the fragment header, as it stands there. */
  readonly stamp: bigint;
  readonly source: number;
  readonly barrier: number;
  /** Where the payload begins, and its bytes. */
  readonly at: number;
  readonly size: number;
  /** Of the payload; undefined where that is no ring item (older gloms collected others, too). */
  readonly head: ItemOutline | undefined;
}

/** What a PHYSICS_EVENT holds: fragments, data, or fragments that don't fit into it. */
type EventBody =
  | { readonly kind: "raw" }
  | { readonly kind: "built"; readonly fragments: readonly Fragment[] }
  | { readonly kind: "damaged"; readonly reason: string };

/** An item, or a payload, in a view. */
export interface PlacedItem {
  readonly view: DataView;
  readonly at: number;
  readonly head: Omit<ItemOutline, "v10">;
  /** Of the file. */
  readonly v10: boolean;
}

const RAW = { kind: "raw" } as const;

/**
 * Takes a PHYSICS_EVENT apart, one level:
 *
 *     body header | bytes u32, itself included | fragment header, payload | fragment header, payload …
 *
 * There is no mark that an event was built. It was if the byte count is right and the fragments end with
 * the event. Where one of the two fails and the first payload is a ring item all the same, the event
 * is damaged; else it is raw.
 */
function openEvent(item: PlacedItem): EventBody {
  const { view, at, head } = item;
  const body = at + head.bodyOffset;
  const bytes = at + head.size - body;
  if (head.type !== ITEM_TYPE.PHYSICS_EVENT || bytes < COUNT_BYTES) return RAW;
  const count = view.getUint32(body, head.littleEndian);
  const first = body + COUNT_BYTES;
  const { fragments, stoppedAt } = walk(item, first, { itemsOnly: count !== bytes });
  if (count !== bytes) {
    if (fragments.length === 0) return RAW;
    return damaged(`its event has ${String(bytes)} bytes, and says ${String(count)}`);
  }
  if (stoppedAt === undefined) return { kind: "built", fragments };
  if (!beginsWithItem(item, first)) return RAW;
  const place = `fragment ${String(fragments.length)} (at byte ${String(stoppedAt - at)} of the item)`;
  return damaged(`${place} is longer than the event that holds it`);
}

const damaged = (reason: string): EventBody => ({ kind: "damaged", reason });

/** The fragments from `begin` to the item's end, and where one doesn't fit or, on demand, holds no item. */
function walk(
  item: PlacedItem,
  begin: number,
  { itemsOnly }: { readonly itemsOnly: boolean },
): { fragments: Fragment[]; stoppedAt: number | undefined } {
  const fragments: Fragment[] = [];
  const end = item.at + item.head.size;
  for (let at = begin; at < end;) {
    const fragment = end - at < FRAGMENT_HEADER_BYTES ? undefined : fragmentAt(item, at, end);
    if (fragment === undefined || (itemsOnly && !isItem(item.view, fragment)))
      return { fragments, stoppedAt: at };
    fragments.push(fragment);
    at = fragment.at + fragment.size;
  }
  return { fragments, stoppedAt: undefined };
}

/** Whether the payload is a ring item beyond doubt. */
const isItem = (view: DataView, { head, at }: Fragment): boolean =>
  head !== undefined && itemTypeName(head.type) !== undefined && !hasBadHeader(view, at, head);

function fragmentAt(item: PlacedItem, from: number, end: number): Fragment | undefined {
  const { view, v10 } = item;
  const little = item.head.littleEndian;
  const size = view.getUint32(from + 12, little);
  const at = from + FRAGMENT_HEADER_BYTES;
  if (size > end - at) return undefined;
  return {
    stamp: view.getBigUint64(from, little),
    source: view.getUint32(from + 8, little),
    barrier: view.getUint32(from + 16, little),
    at,
    size,
    head: payloadHead(view, { at, size, v10 }),
  };
}

function payloadHead(
  view: DataView,
  payload: { at: number; size: number; v10: boolean },
): Fragment["head"] {
  const { at, size, v10 } = payload;
  if (size < ITEM_HEADER_BYTES) return undefined;
  const little = view.getUint16(at + 4, true) !== 0;
  if (view.getUint32(at, little) !== size) return undefined;
  return outlineOf(view, at, v10);
}

/** Whether what would be the first fragment holds an item of a known type, though its size may not fit. */
function beginsWithItem({ view, at, head }: PlacedItem, first: number): boolean {
  const payload = first + FRAGMENT_HEADER_BYTES;
  if (payload + ITEM_HEADER_BYTES > at + head.size) return false;
  return itemTypeName(view.getUint32(payload + 4, head.littleEndian)) !== undefined;
}

/** A built event, or a raw one, down to the fragments that no builder made. */
export type Event =
  | { readonly kind: "raw" }
  | {
      readonly kind: "built";
      /** Of the outermost level, in their order. */
      readonly fragments: readonly Fragment[];
      /** At any depth, in their order. */
      readonly leaves: readonly Fragment[];
      /** Levels; 1: no event within the event. */
      readonly depth: number;
      /** What is wrong with events within the event: those count as leaves. */
      readonly doubts: readonly string[];
    }
  | { readonly kind: "damaged"; readonly reason: string };

/** Takes a PHYSICS_EVENT apart, all levels. */
export function openLevels(item: PlacedItem): Event {
  const outer = openEvent(item);
  if (outer.kind !== "built") return outer;
  const opened = { leaves: [] as Fragment[], depth: 1, doubts: [] as string[] };
  collect(item, outer.fragments, { opened, level: 1 });
  return { ...outer, ...opened };
}

function collect(
  item: PlacedItem,
  fragments: readonly Fragment[],
  into: { opened: { leaves: Fragment[]; depth: number; doubts: string[] }; level: number },
): void {
  const { opened, level } = into;
  opened.depth = Math.max(opened.depth, level);
  for (const fragment of fragments) {
    const { head, at } = fragment;
    const nested = head?.type === ITEM_TYPE.PHYSICS_EVENT && level < NESTING_MAX;
    const inner = nested ? openEvent({ ...item, at, head }) : RAW;
    if (inner.kind === "built") collect(item, inner.fragments, { opened, level: level + 1 });
    else opened.leaves.push(fragment);
    if (inner.kind === "damaged")
      opened.doubts.push(`in the event at its byte ${String(at - item.at)}: ${inner.reason}`);
  }
}

/** So much of an event behind its body's beginning tells whether it can be a built one. */
const FIRST_BYTES = COUNT_BYTES + FRAGMENT_HEADER_BYTES + HEAD_BYTES;

/** How many bytes of an event {@link canBeBuilt} looks at. */
export const builtHeadBytes = ({ bodyOffset, size }: ItemOutline): number =>
  Math.min(size, bodyOffset + FIRST_BYTES);

/** Whether an event is worth being read whole: its first bytes don't say that it is raw. */
export function canBeBuilt({ view, at, head, v10 }: PlacedItem): boolean {
  const body = at + head.bodyOffset;
  const bytes = head.size - head.bodyOffset;
  if (head.type !== ITEM_TYPE.PHYSICS_EVENT || bytes < COUNT_BYTES) return false;
  if (view.getUint32(body, head.littleEndian) === bytes) return true;
  if (bytes < FIRST_BYTES) return bytes > COUNT_BYTES + FRAGMENT_HEADER_BYTES;
  const size = view.getUint32(body + COUNT_BYTES + 12, head.littleEndian);
  const payload = { at: body + COUNT_BYTES + FRAGMENT_HEADER_BYTES, size, v10 };
  return payloadHead(view, payload) !== undefined;
}
