import {
  decodeBody,
  isStateChange,
  ITEM_TYPE,
  itemTypeName,
  NULL_STAMP,
  RingReader,
  type ItemBody,
  type RingItem,
} from "@evb/formats";
import { SourceTally, type SourceSummary } from "./source-tally.ts";

/** A piece of a file that is no item, and the sentence that says so. */
export interface DamagedPiece {
  readonly offset: number;
  readonly item: number;
  readonly skippedBytes: number;
  readonly sentence: string;
}

/** What is in one ring-item file. */
export interface RingSummary {
  readonly path: string;
  readonly bytes: number;
  readonly items: number;
  readonly itemsByType: Readonly<Record<string, number>>;
  readonly byteOrders: readonly ("little-endian" | "big-endian")[];
  /** Items by the release whose body layout they have, where it differs between releases. */
  readonly layouts: Readonly<Record<string, number>>;
  /** `11.0`: of the RING_FORMAT items. */
  readonly formats: readonly string[];
  /** Of BEGIN_RUN and END_RUN items. */
  readonly runs: readonly number[];
  readonly begins: number;
  readonly ends: number;
  readonly abnormalEnds: number;
  readonly builtEvents: number;
  /** Without body header as well. */
  readonly rawEvents: number;
  /** Levels of event builders; 0: none. */
  readonly depth: number;
  /** Of the EVB_GLOM_INFO items, in ticks. */
  readonly windows: readonly bigint[];
  /** By source id. */
  readonly sources: readonly SourceSummary[];
  /** Items that could have a body header and have none, by type; of v10, where none has one, events only. */
  readonly missingHeaders: Readonly<Record<string, number>>;
  /** Of those how many say themselves which source they are of (v12). */
  readonly originalSources: number;
  /** Fragments with a smaller stamp than the one before of any source. */
  readonly backwardSteps: number;
  readonly damage: readonly DamagedPiece[];
}

/** The type's name, or its number where it has none. */
const nameOf = (type: number): string => itemTypeName(type) ?? String(type);

/**
 * Reads a file from its beginning to its end and counts what is in it; damage is skipped and listed.
 *
 * @throws EvbError "ring-unreadable", "ring-empty", "ring-no-items"
 */
export function summariseRingFile(path: string): RingSummary {
  const file = new RingReader(path);
  try {
    const count = new FileCount();
    const damage: DamagedPiece[] = [];
    const items = file.items(({ offset, item, skippedBytes, fault }) => {
      damage.push({ offset, item, skippedBytes, sentence: fault.message });
    });
    for (const item of items) count.add(item);
    return { path, bytes: file.sizeBytes, ...count.summary(), damage };
  } finally {
    file.close();
  }
}

/** What has come by so far. */
class FileCount {
  readonly #byType = new Map<string, number>();
  readonly #byteOrders = new Set<"little-endian" | "big-endian">();
  readonly #layouts = new Map<string, number>();
  readonly #formats = new Set<string>();
  readonly #runs = new Set<number>();
  readonly #windows = new Set<bigint>();
  readonly #sources = new Map<number, SourceTally>();
  readonly #missing = new Map<string, number>();
  #items = 0;
  #built = 0;
  #raw = 0;
  #depth = 0;
  #originalSources = 0;
  #before = 0n;
  #backward = 0;

  add(item: RingItem): void {
    const { head, event } = item;
    this.#items++;
    this.#byteOrders.add(head.littleEndian ? "little-endian" : "big-endian");
    increment(this.#byType, nameOf(head.type));
    if (event === undefined) this.#addRunItem(item);
    else if (event.kind === "raw") this.#addRaw(item);
    else {
      this.#built++;
      this.#depth = Math.max(this.#depth, event.depth);
      for (const { source, stamp } of event.leaves) this.#addFragment(source, stamp);
    }
  }

  summary(): Omit<RingSummary, "path" | "bytes" | "damage"> {
    const types = this.#byType;
    return {
      items: this.#items,
      itemsByType: Object.fromEntries(types),
      byteOrders: [...this.#byteOrders],
      layouts: Object.fromEntries(this.#layouts),
      formats: [...this.#formats],
      runs: [...this.#runs],
      begins: types.get("BEGIN_RUN") ?? 0,
      ends: types.get("END_RUN") ?? 0,
      abnormalEnds: types.get("ABNORMAL_ENDRUN") ?? 0,
      builtEvents: this.#built,
      rawEvents: this.#raw,
      depth: this.#depth,
      windows: [...this.#windows],
      sources: [...this.#sources.keys()]
        .sort((one, other) => one - other)
        .map((source) => this.#tally(source).summary()),
      missingHeaders: Object.fromEntries(this.#missing),
      originalSources: this.#originalSources,
      backwardSteps: this.#backward,
    };
  }

  #addFragment(source: number, stamp: bigint): void {
    this.#tally(source).addFragment(stamp);
    if (stamp === NULL_STAMP) return;
    if (stamp < this.#before) this.#backward++;
    this.#before = stamp;
  }

  #addRaw({ head }: RingItem): void {
    this.#raw++;
    if (head.header !== undefined) this.#addFragment(head.header.source, head.header.stamp);
    else increment(this.#missing, "PHYSICS_EVENT");
  }

  #addRunItem(item: RingItem): void {
    const { head, v10 } = item;
    const body = decodeBody(item.bytes(), head, v10);
    this.#addBody(head.type, body);
    const name = nameOf(head.type);
    if (head.header !== undefined)
      this.#tally(head.header.source).addRunItem(name, head.header.stamp);
    else if (!v10 && couldHaveHeader(head.type, body)) {
      increment(this.#missing, name);
      if ("originalSource" in body && body.originalSource !== undefined) this.#originalSources++;
    }
  }

  #addBody(type: number, body: ItemBody): void {
    if ("layout" in body) increment(this.#layouts, body.layout);
    if (body.kind === "format") this.#formats.add(`${String(body.major)}.${String(body.minor)}`);
    if (body.kind === "glom") this.#windows.add(body.windowTicks);
    if (body.kind === "state change" && isStateChange(type)) this.#runs.add(body.run);
  }

  #tally(source: number): SourceTally {
    const known = this.#sources.get(source) ?? new SourceTally(source);
    this.#sources.set(source, known);
    return known;
  }
}

const increment = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

/**
 * RING_FORMAT and EVB_GLOM_INFO never have a body header, glom's wrapped fragments neither, and users' types are
 * their users' business.
 */
const couldHaveHeader = (type: number, body: ItemBody): boolean =>
  itemTypeName(type) !== undefined &&
  type !== ITEM_TYPE.RING_FORMAT &&
  type !== ITEM_TYPE.EVB_GLOM_INFO &&
  body.kind !== "fragment";
