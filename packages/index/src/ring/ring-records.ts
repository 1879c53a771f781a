import { decodeBody, ITEM_TYPE, itemTypeName, NULL_STAMP, type RingItem } from "@evb/formats";

/** What must come through a rebuild unchanged: a fragment that no builder made, or a run item. */
export interface RingRecord {
  readonly kind: "fragment" | "run item";
  readonly type: number;
  /** Of the fragment; undefined for run items, and where it has none. */
  readonly stamp: bigint | undefined;
  readonly source: number | undefined;
  /** The ring item, in the bytes of the item that holds it, and where its body begins. */
  readonly at: number;
  readonly bodyAt: number;
  readonly end: number;
  /**
   * What a rebuild may add: `body header` to an item that has none, with stamp and source; `stamp` to
   * a fragment without one; else nothing.
   */
  readonly mayGet: "body header" | "stamp" | "nothing";
}

/** The records of an item: the leaves of a built event, else the item itself; none of what describes the file only. */
export function ringRecordsOf(item: RingItem): readonly RingRecord[] {
  const { head, event } = item;
  if (head.type === ITEM_TYPE.RING_FORMAT || head.type === ITEM_TYPE.EVB_GLOM_INFO) return [];
  if (event?.kind !== "built") return [ownRecord(item)];
  return event.leaves.map(({ stamp, source, at, size, head: payload }) => ({
    kind: "fragment",
    type: payload?.type ?? 0,
    ...stampOf(stamp),
    source,
    at,
    bodyAt: at + (payload?.bodyOffset ?? 0),
    end: at + size,
  }));
}

const stampOf = (stamp: bigint): Pick<RingRecord, "stamp" | "mayGet"> =>
  stamp === NULL_STAMP ? { stamp: undefined, mayGet: "stamp" } : { stamp, mayGet: "nothing" };

function ownRecord(item: RingItem): RingRecord {
  const { type, size, bodyOffset, header } = item.head;
  const place = { type, at: 0, bodyAt: bodyOffset, end: size };
  const kind = type === ITEM_TYPE.PHYSICS_EVENT ? "fragment" : "run item";
  if (header !== undefined && kind === "fragment")
    return { kind, ...place, ...stampOf(header.stamp), source: header.source };
  const mayGet = header === undefined && couldHaveHeader(item) ? "body header" : "nothing";
  return { kind, ...place, stamp: undefined, source: undefined, mayGet };
}

/** Whether an item without body header could have one: not users' types, nor what glom wraps with a bare fragment header. */
function couldHaveHeader(item: RingItem): boolean {
  const { head, v10 } = item;
  if (itemTypeName(head.type) === undefined) return false;
  return (
    head.type !== ITEM_TYPE.EVB_UNKNOWN_PAYLOAD ||
    decodeBody(item.bytes(), head, v10).kind !== "fragment"
  );
}
