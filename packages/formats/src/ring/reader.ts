import type { EvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { FileBytes } from "./file-bytes.ts";
import { builtHeadBytes, canBeBuilt, openLevels, type Event } from "./fragments.ts";
import {
  HEAD_BYTES,
  HEADERLESS_BODY_OFFSET,
  ITEM_HEADER_BYTES,
  isLittleEndian,
  type ItemHead,
} from "./head.ts";
import { ITEM_TYPE } from "./item-type.ts";
import { behindDamage, resynchroniseBefore } from "./resynchronise.ts";
import { hasBadHeader, headOf, isV10File, type ItemOutline } from "./version.ts";

/** One item of a file. */
export interface RingItem {
  /** Its place in the file, from 0; a damaged piece that was skipped counts as one. */
  readonly number: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly head: ItemHead;
  readonly v10: boolean;
  /** Of a PHYSICS_EVENT whether it is built, and of what; its offsets are those of `bytes`. */
  readonly event: SoundEvent | undefined;
  /** What is wrong with it, though its size is right: with its body header, or with events within it. */
  readonly doubts: readonly string[];
  /** The whole item, read from the file where it isn't there yet; good until the next item is asked for. */
  bytes(): DataView;
}

type SoundEvent = Exclude<Event, { kind: "damaged" }>;

/** A piece of a file that is no item. */
export interface Damage {
  readonly offset: number;
  readonly item: number;
  /** Up to the next plausible item, or to the end of the file. */
  readonly skippedBytes: number;
  /** The sentence that says what is wrong. */
  readonly fault: EvbError;
}

/** For readers that want whole files only: {@link RingReader.items}. */
export function throwDamage(damage: Damage): never {
  throw damage.fault;
}

/**
 * A ring-item file, read plainly from its beginning to its end. Whoever opens it closes it.
 *
 *     const file = new RingReader("run-0001-00.evt");
 *     for (const item of file.items(throwDamage)) console.log(item.number, item.head.type);
 *     file.close();
 */
export class RingReader {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whether the file is of NSCLDAQ 10: none of its items has a body header. */
  readonly v10: boolean;
  readonly #bytes: FileBytes;
  /** A place whose size and type were found right when the item before was read. */
  #soundAt: number | undefined;

  /** @throws EvbError "ring-unreadable", "ring-empty" */
  constructor(path: string) {
    this.path = path;
    this.#bytes = new FileBytes(path);
    this.sizeBytes = this.#bytes.sizeBytes;
    if (this.sizeBytes === 0) {
      this.close();
      throw fault("ring-empty", { path });
    }
    this.v10 = isV10File(this.#bytes);
  }

  close(): void {
    this.#bytes.close();
  }

  /**
   * The file's items, in order.
   *
   * @param onDamage is told of each piece that is no item; when it returns, reading goes on at the next
   *   plausible item
   * @throws EvbError "ring-no-items", "ring-unreadable", and what `onDamage` throws
   */
  *items(onDamage: (damage: Damage) => void): Generator<RingItem, void, undefined> {
    let at = 0;
    for (let number = 0; at < this.sizeBytes; number++) {
      const item = this.#itemAt(at, number);
      if ("head" in item) {
        yield item;
        at += item.head.size;
        continue;
      }
      const damage = this.#damageAt(at, number, item);
      if (damage.skippedBytes === this.sizeBytes && NO_ITEM_TAGS.includes(damage.fault.tag))
        throw fault("ring-no-items", { path: this.path });
      onDamage(damage);
      at += damage.skippedBytes;
    }
  }

  #itemAt(offset: number, number: number): RingItem | Wrong {
    const wrong =
      (this.#soundAt === offset ? undefined : this.#wrongAt(offset)) ?? this.#wrongSizeAt(offset);
    if (wrong !== undefined) return wrong;
    const start = this.#bytes.view(offset, HEAD_BYTES);
    const head = headOf(start, 0, this.v10);
    const { v10 } = head;
    const badHeader = hasBadHeader(start, 0, head);
    const isEvent = head.type === ITEM_TYPE.PHYSICS_EVENT;
    const event = isEvent ? this.#eventAt(offset, head) : undefined;
    if (event?.kind === "damaged") return { tag: "ring-bad-event", reason: event.reason };
    let doubts = event?.kind === "built" ? event.doubts : NO_DOUBTS;
    if (badHeader) doubts = [BAD_HEADER, ...doubts];
    const bytes = (): DataView => this.#bytes.view(offset, head.size);
    return { number, offset, head, v10, event, doubts, bytes };
  }

  #eventAt(offset: number, head: ItemOutline): Event {
    const { v10 } = this;
    const view = this.#bytes.view(offset, builtHeadBytes(head));
    if (!canBeBuilt({ view, at: 0, head, v10 })) return { kind: "raw" };
    return openLevels({ view: this.#bytes.view(offset, head.size), at: 0, head, v10 });
  }

  #damageAt(offset: number, item: number, wrong: Wrong): Damage {
    const next = behindDamage(this.#bytes, offset, this.v10);
    // What items follow was not cut off: then it is the size that can't be right.
    const cutOff = wrong.tag === "ring-truncated" && next === this.sizeBytes;
    const tag = wrong.tag === "ring-truncated" && !cutOff ? "ring-bad-size" : wrong.tag;
    const at = { path: this.path, offset, item, reason: wrong.reason };
    return { offset, item, skippedBytes: next - offset, fault: fault(tag, at) };
  }

  /** What is wrong with the eight bytes at a place. */
  #wrongAt(offset: number): Wrong | undefined {
    const left = this.sizeBytes - offset;
    if (left < ITEM_HEADER_BYTES) {
      // Nothing tells that so few bytes were meant to be an item.
      const tag = offset === 0 ? "ring-bad-size" : "ring-truncated";
      return { tag, reason: `only ${bytesOf(left)} of its header are there` };
    }
    const { size, type } = this.#sizeAndType(offset);
    const smallest = this.v10 ? ITEM_HEADER_BYTES : HEADERLESS_BODY_OFFSET;
    if (size < smallest)
      return { tag: "ring-bad-size", reason: `its size is ${String(size)}, which no item has` };
    if (type === 0 || type > TYPE_MAX)
      return { tag: "ring-bad-type", reason: `its type is ${String(type)}, which no item has` };
    if (size > left)
      return {
        tag: "ring-truncated",
        reason: `it says ${bytesOf(size)}, and ${bytesOf(left)} are left`,
      };
    return undefined;
  }

  /**
   * Whether the item's size leads nowhere, while items begin within it. (Fragments of a built event don't
   * look like that: behind each comes another fragment's header, or the event's end.)
   */
  #wrongSizeAt(offset: number): Wrong | undefined {
    const { size } = this.#sizeAndType(offset);
    const until = offset + size;
    // So that the next header doesn't take the buffer from an item that begins in it.
    this.#bytes.view(offset, Math.min(size + HEAD_BYTES, LOOK_AHEAD_BYTES));
    if (until >= this.sizeBytes) return undefined;
    if (this.#wrongAt(until) === undefined) {
      this.#soundAt = until;
      return undefined;
    }
    const within = resynchroniseBefore(this.#bytes, { from: offset + 1, until }, this.v10);
    if (within >= until) return undefined;
    const reason = `it says ${bytesOf(size)}, but none follows there, and another begins at byte ${String(within)}`;
    return { tag: "ring-bad-size", reason };
  }

  #sizeAndType(offset: number): { size: number; type: number } {
    const start = this.#bytes.view(offset, ITEM_HEADER_BYTES);
    const little = isLittleEndian(start, 0);
    return { size: start.getUint32(0, little), type: start.getUint32(4, little) };
  }
}

interface Wrong {
  readonly tag: "ring-truncated" | "ring-bad-size" | "ring-bad-type" | "ring-bad-event";
  readonly reason: string;
}

/** A file that begins like this, with no item anywhere behind, isn't damaged but of another kind. */
const NO_ITEM_TAGS = ["ring-bad-size", "ring-bad-type"];

const NO_DOUBTS: readonly string[] = [];
const BAD_HEADER = "its body header is larger than the item, or of a size that none has";
/** Types have 16 bits. */
const TYPE_MAX = 0xffff;
/** An item of usual size and the next one's header are asked for at once. */
const LOOK_AHEAD_BYTES = 2 ** 16;

const bytesOf = (count: number): string => `${String(count)} byte${count === 1 ? "" : "s"}`;
