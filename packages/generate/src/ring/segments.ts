import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../faults.ts";
import { randomOf } from "../random.ts";
import type { Damage, MockRingRun } from "./mock-ring-run.ts";

/** Room for some thousand items; grows for a larger one. */
const SLAB_BYTES = 4 * 2 ** 20;

export interface MockSegment {
  /** Its name in the run's folder. */
  readonly file: string;
  bytes: number;
  items: number;
}

/** Where an item stands. */
export interface ItemPlace {
  /** Counted through all segments, from 0. */
  readonly item: number;
  /** Row of the segments. */
  readonly segment: number;
  /** In its segment. */
  readonly offset: number;
}

/** What was done to the files, and where: the offset is that of the item, of the garbage, or of what is missing. */
export interface DoneDamage {
  readonly kind: Damage["kind"];
  readonly item: number;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** What a segment is called while it is written. */
export const partialOf = (name: string): string => `.${name}.partial`;

/** Writes items one after another into segments, through one slab that is used again and again. */
export class SegmentWriter {
  readonly segments: MockSegment[] = [];
  readonly damage: DoneDamage[] = [];
  /** Grows with each slab that was written. */
  slabs = 0;
  /** In all segments, slab included. */
  bytes = 0;
  /** Valid until the next item. */
  slab = Buffer.allocUnsafe(SLAB_BYTES);
  view = viewOf(this.slab);
  readonly #run: MockRingRun;
  readonly #onFile: (name: string) => void;
  #descriptor: number | undefined;
  #filled = 0;
  #items = 0;
  #place: ItemPlace = { item: 0, segment: 0, offset: 0 };
  #lastItemBytes = 0;

  constructor(run: MockRingRun, onFile: (name: string) => void) {
    this.#run = run;
    this.#onFile = onFile;
  }

  /** Makes room for an item. @returns where in the slab it goes */
  begin(size: number): { at: number; place: ItemPlace } {
    this.#openFor(size);
    for (const damage of this.#damageOf(this.#items, "garbage")) this.#addGarbage(damage);
    this.#reserve(size);
    const at = this.#filled;
    const segment = this.segments.length - 1;
    const current = this.segments[segment]!;
    this.#place = { item: this.#items++, segment, offset: current.bytes };
    this.#filled += size;
    this.#lastItemBytes = size;
    this.bytes += size;
    current.bytes += size;
    current.items++;
    return { at, place: this.#place };
  }

  /**
   * Ends the item that was begun last.
   *
   * @param countAt where in the slab its byte count is, if it is a built event
   */
  end(countAt: number | undefined): void {
    const { item, offset } = this.#place;
    const at = this.#filled - this.#lastItemBytes;
    for (const { kind } of this.#damageOf(item, "zero-size")) {
      this.view.setUint32(at, 0);
      this.#note({ kind, item, offset, bytes: 4 });
    }
    for (const { kind } of this.#damageOf(item, "bad-count")) {
      if (countAt === undefined)
        throw unusable(
          `--damage bad-count:${String(item)} is for a built event, and that item is none`,
        );
      const little = this.#run.littleEndian;
      this.view.setUint32(countAt, this.view.getUint32(countAt, little) + 1, little);
      this.#note({ kind, item, offset: offset + countAt - at, bytes: 4 });
    }
  }

  /** Writes what is left, and cuts off what is to be missing. */
  finish(): void {
    this.#flush();
    for (const damage of this.#run.damage) {
      if (damage.kind === "truncate") this.#truncate(damage.bytes);
      else if (damage.item >= this.#items)
        throw unusable(
          `--damage ${damage.kind}:${String(damage.item)} is for an item that the run of ${String(this.#items)} items doesn't have`,
        );
    }
    this.close();
  }

  /** Also where the run fails. */
  close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    closeSync(descriptor);
  }

  #openFor(size: number): void {
    const current = this.segments.at(-1);
    const { segmentBytes, run, directory } = this.#run;
    if (current !== undefined && current.bytes + size <= (segmentBytes ?? Infinity)) return;
    if (current !== undefined) {
      this.#flush();
      this.close();
    }
    const file = segmentName(run, this.segments.length);
    this.#onFile(file);
    this.#descriptor = openSync(join(directory, partialOf(file)), "w");
    this.segments.push({ file, bytes: 0, items: 0 });
  }

  #reserve(size: number): void {
    if (this.#filled + size > this.slab.byteLength) this.#flush();
    if (size <= this.slab.byteLength) return;
    this.slab = Buffer.allocUnsafe(2 * size);
    this.view = viewOf(this.slab);
  }

  #flush(): void {
    for (let at = 0; at < this.#filled;)
      at += writeSync(this.#descriptor!, this.slab, at, this.#filled - at);
    this.#filled = 0;
    this.slabs++;
  }

  #damageOf<Kind extends Damage["kind"]>(
    item: number,
    kind: Kind,
  ): Extract<Damage, { kind: Kind; item: number }>[] {
    return this.#run.damage.filter(
      (damage): damage is Extract<Damage, { kind: Kind; item: number }> =>
        damage.kind === kind && "item" in damage && damage.item === item,
    );
  }

  #addGarbage({ kind, item, bytes }: Extract<Damage, { kind: "garbage" }>): void {
    const random = randomOf(this.#run.seed, "order", 0);
    this.#reserve(bytes);
    for (let at = 0; at < bytes; at++) this.slab[this.#filled + at] = random.below(256);
    const current = this.segments.at(-1)!;
    this.#note({ kind, item, offset: current.bytes, bytes });
    this.#filled += bytes;
    current.bytes += bytes;
    this.bytes += bytes;
  }

  #truncate(bytes: number): void {
    const current = this.segments.at(-1)!;
    if (bytes >= current.bytes)
      throw unusable(
        `--damage truncate:${String(bytes)} takes all ${String(current.bytes)} bytes of the last segment`,
      );
    current.bytes -= bytes;
    this.bytes -= bytes;
    ftruncateSync(this.#descriptor!, current.bytes);
    this.#note({ kind: "truncate", item: this.#items - 1, offset: current.bytes, bytes });
  }

  #note(damage: Omit<DoneDamage, "file">): void {
    this.damage.push({ ...damage, file: this.segments.at(-1)!.file });
  }
}

/** `run-0001-00.evt`. */
const segmentName = (run: number, segment: number): string =>
  `run-${String(run).padStart(4, "0")}-${String(segment).padStart(2, "0")}.evt`;

const viewOf = (slab: Buffer): DataView =>
  new DataView(slab.buffer, slab.byteOffset, slab.byteLength);

const unusable = (problem: string): Error => fault("mock-run-unusable", { problems: [problem] });
