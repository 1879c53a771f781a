import {
  FRAGMENT_HEADER_BYTES,
  ITEM_HEADER_BYTES,
  isGlomsUnknownPayload,
  type ItemHead,
} from "./head.ts";
import { ITEM_TYPE, isStateChange } from "./item-type.ts";
import {
  decodeEventCount,
  decodeScalers,
  decodeStampedScalers,
  decodeStateChange,
  decodeText,
  type BodyView,
  type EventCount,
  type Scalers,
  type StateChange,
  type Text,
} from "./run-item-body.ts";

/** What an item says beyond its head, as a plain object. */
export type ItemBody =
  | StateChange
  | Text
  | Scalers
  | EventCount
  | { readonly kind: "format"; readonly major: number; readonly minor: number }
  | {
      readonly kind: "glom";
      readonly windowTicks: bigint;
      readonly building: boolean;
      readonly policy: string;
    }
  | WrappedFragment
  /** Data, or what only its writer understands. */
  | { readonly kind: "bytes" }
  /** Its size doesn't fit its type. */
  | { readonly kind: "unreadable"; readonly reason: string };

/** A fragment in an item of its own: EVB_FRAGMENT, and both forms of EVB_UNKNOWN_PAYLOAD. */
interface WrappedFragment {
  readonly kind: "fragment";
  readonly stamp: bigint;
  readonly source: number;
  readonly barrier: number;
  /** From the beginning of the item. */
  readonly payloadOffset: number;
}

const BYTES = { kind: "bytes" } as const;
const POLICIES = ["earliest", "latest", "average"];

/**
 * Decodes an item's body, in the layout that its size shows.
 *
 * @param item the whole item
 * @param head of it, with the version
 */
export function decodeBody(item: DataView, head: ItemHead, v10: boolean): ItemBody {
  const { type, littleEndian: little, size } = head;
  const offset = Math.min(head.bodyOffset, size);
  const body = {
    view: new DataView(item.buffer, item.byteOffset + offset, size - offset),
    little,
    v10,
  };
  if (isStateChange(type)) return decodeStateChange(body) ?? unreadable("its run and times", body);
  switch (type) {
    case ITEM_TYPE.PACKET_TYPES:
    case ITEM_TYPE.MONITORED_VARIABLES:
      return decodeText(body) ?? unreadable("its strings", body);
    case ITEM_TYPE.RING_FORMAT:
      return format(body);
    case ITEM_TYPE.PERIODIC_SCALERS:
      return decodeScalers(body) ?? unreadable("its scalers", body);
    case ITEM_TYPE.TIMESTAMPED_NONINCR_SCALERS:
      return decodeStampedScalers(body) ?? unreadable("its scalers", body);
    case ITEM_TYPE.PHYSICS_EVENT_COUNT:
      return decodeEventCount(body) ?? unreadable("its counts", body);
    case ITEM_TYPE.EVB_FRAGMENT:
    case ITEM_TYPE.EVB_UNKNOWN_PAYLOAD:
      return wrapped(item, head, v10);
    case ITEM_TYPE.EVB_GLOM_INFO:
      return glom(body);
    default:
      return BYTES;
  }
}

const unreadable = (what: string, { view }: BodyView): ItemBody => ({
  kind: "unreadable",
  reason: `${what} don't fit into a body of ${String(view.byteLength)} bytes`,
});

function format(body: BodyView): ItemBody {
  const { view, little } = body;
  if (view.byteLength < 4) return unreadable("its version numbers", body);
  return { kind: "format", major: view.getUint16(0, little), minor: view.getUint16(2, little) };
}

function glom(body: BodyView): ItemBody {
  const { view, little } = body;
  if (view.byteLength < 12) return unreadable("glom's settings", body);
  const policy = view.getUint16(10, little);
  return {
    kind: "glom",
    windowTicks: view.getBigUint64(0, little),
    building: view.getUint16(8, little) !== 0,
    policy: POLICIES[policy] ?? String(policy),
  };
}

/** From v11 on the body header has the fragment's; v10 and glom write the fragment's header itself, and no other. */
function wrapped(item: DataView, head: ItemHead, v10: boolean): ItemBody {
  const { size, littleEndian: little, header } = head;
  if (header !== undefined) {
    const { stamp, source, barrier } = header;
    return { kind: "fragment", stamp, source, barrier, payloadOffset: head.bodyOffset };
  }
  const payloadOffset = ITEM_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
  if (size < payloadOffset || !(v10 || isGlomsUnknownPayload(item, 0, size, little)))
    return { kind: "unreadable", reason: "it has no fragment header" };
  return {
    kind: "fragment",
    stamp: item.getBigUint64(8, little),
    source: item.getUint32(16, little),
    barrier: item.getUint32(24, little),
    payloadOffset,
  };
}
