import { hostname } from "node:os";
import { FRAGMENT_HEADER_BYTES } from "@evb/formats";
import { fault } from "../faults.ts";

/** Walks over the fragments of built events as they are about to be written, and looks at their stamps. */
export class FragmentWalk {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  #littleEndian = true;
  /** High and low word of the stamp of the fragment before. */
  #beforeHigh = 0;
  #beforeLow = 0;
  backwardSteps = 0;
  fragments = 0;
  /** Of an event that comes in several stretches: bytes until its next header, and what there is of that one. */
  #toHeader = 0;
  readonly #header = new Uint8Array(FRAGMENT_HEADER_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  #headerHeld = 0;

  constructor(memory: Uint8Array) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** @param before ticks: the stamp of the fragment before the first one */
  begin(before: bigint, littleEndian: boolean): void {
    this.#littleEndian = littleEndian;
    this.#beforeHigh = Number(before >> 32n);
    this.#beforeLow = Number(before & 0xffff_ffffn);
    this.backwardSteps = this.fragments = this.#toHeader = this.#headerHeld = 0;
  }

  /** The fragments of an event that is whole in memory. @throws EvbError "data-changed" where they don't close it */
  event(begin: number, end: number, fragments: number): void {
    const view = this.#view;
    const little = this.#littleEndian;
    let at = begin;
    let found = 0;
    while (end - at >= FRAGMENT_HEADER_BYTES) {
      const low = view.getUint32(little ? at : at + 4, little);
      const high = view.getUint32(little ? at + 4 : at, little);
      if (high < this.#beforeHigh || (high === this.#beforeHigh && low < this.#beforeLow))
        this.backwardSteps++;
      this.#beforeHigh = high;
      this.#beforeLow = low;
      at += FRAGMENT_HEADER_BYTES + view.getUint32(at + 12, little);
      found++;
    }
    if (at !== end || found !== fragments) throw changed();
    this.fragments += found;
  }

  /** The next bytes of an event that isn't whole in memory; returns how many fragments begin in them. */
  stretch(begin: number, end: number): number {
    let found = 0;
    for (let at = begin; at < end;) {
      const skipped = Math.min(this.#toHeader, end - at);
      this.#toHeader -= skipped;
      at += skipped;
      const taken = Math.min(FRAGMENT_HEADER_BYTES - this.#headerHeld, end - at);
      this.#header.set(this.#memory.subarray(at, at + taken), this.#headerHeld);
      this.#headerHeld += taken;
      at += taken;
      if (this.#headerHeld < FRAGMENT_HEADER_BYTES) continue;
      this.#headerHeld = 0;
      this.fragment(this.#headerView.getBigUint64(0, this.#littleEndian));
      this.#toHeader = this.#headerView.getUint32(12, this.#littleEndian);
      found++;
    }
    return found;
  }

  /** After its last stretch. @throws EvbError "data-changed" where its fragments don't close it */
  endStretches(found: number, fragments: number): void {
    if (this.#toHeader !== 0 || this.#headerHeld !== 0 || found !== fragments) throw changed();
  }

  /** One on its own. */
  fragment(stamp: bigint): void {
    const high = Number(stamp >> 32n);
    const low = Number(stamp & 0xffff_ffffn);
    if (high < this.#beforeHigh || (high === this.#beforeHigh && low < this.#beforeLow))
      this.backwardSteps++;
    this.#beforeHigh = high;
    this.#beforeLow = low;
    this.fragments++;
  }
}

const changed = (): Error => fault("data-changed", { host: hostname(), path: "an input file" });
