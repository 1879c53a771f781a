import {
  bodyOffsetOf,
  FRAGMENT_HEADER_BYTES,
  ITEM_TYPE,
  writeFragmentHeader,
  writeItemHead,
  type HeaderToWrite,
  type RingLayout,
} from "@evb/formats";
import { randomOf } from "../random.ts";
import type { MockFragment } from "./arrivals.ts";
import type { Member, MockEvent } from "./builder.ts";
import { BODY_HEAD_BYTES, layoutOf, type MockRingRun } from "./mock-ring-run.ts";
import { extensionOf } from "./run-items.ts";
import type { ItemPlace, SegmentWriter } from "./segments.ts";
import { stampOf } from "./stamps.ts";

/** Called for each fragment when its payload's item is in the writer's slab. */
export type OnFragment = (fragment: MockFragment, place: ItemPlace, payloadAt: number) => void;

/** Payloads begin at so many places of the noise. */
const NOISE_STARTS = 4096;
const COUNT_BYTES = 4;

/** Writes PHYSICS_EVENTs, raw and built. */
export class PhysicsWriter {
  readonly #writer: SegmentWriter;
  readonly #layout: RingLayout;
  readonly #noise: Buffer;
  readonly #extension: Uint8Array | undefined;
  readonly #onFragment: OnFragment;
  readonly #builtHeadBytes: number;
  /** In the slab, of the item that is written. */
  #itemAt = 0;
  #place: ItemPlace = { item: 0, segment: 0, offset: 0 };

  constructor(run: MockRingRun, writer: SegmentWriter, onFragment: OnFragment) {
    this.#writer = writer;
    this.#layout = layoutOf(run);
    this.#extension = extensionOf(run);
    this.#onFragment = onFragment;
    this.#builtHeadBytes = bodyOffsetOf(this.#layout, { stamp: 0n, source: 0, barrier: 0 });
    // No body is longer than 5/4 of the mean.
    this.#noise = noiseOf(run.seed, NOISE_STARTS + 2 * run.eventBytes);
  }

  writeRaw(fragment: MockFragment): void {
    this.#begin(fragment.bytes);
    this.#writeFragment(fragment, this.#itemAt);
    this.#writer.end(undefined);
  }

  writeBuilt(event: MockEvent): void {
    this.#begin(this.#bytesOf(event));
    this.#writeEvent(event, this.#itemAt);
    this.#writer.end(this.#itemAt + this.#builtHeadBytes);
  }

  #begin(size: number): void {
    const { at, place } = this.#writer.begin(size);
    this.#itemAt = at;
    this.#place = place;
  }

  /** Of the item that a member is as a payload. */
  #bytesOf(member: Member): number {
    if (member.kind === "fragment") return member.bytes;
    let bytes = this.#builtHeadBytes + COUNT_BYTES;
    for (const each of member.members) bytes += FRAGMENT_HEADER_BYTES + this.#bytesOf(each);
    return bytes;
  }

  #writeEvent(event: MockEvent, at: number): number {
    const { view } = this.#writer;
    const size = this.#bytesOf(event);
    const header = { stamp: stampOf(event.stamp), source: event.source, barrier: 0 };
    const bodyAt = this.#writeHead(at, size, header);
    view.setUint32(bodyAt, at + size - bodyAt, this.#layout.littleEndian);
    let end = bodyAt + COUNT_BYTES;
    for (const member of event.members) {
      const fragment = {
        stamp: stampOf(member.stamp),
        source: member.source,
        barrier: 0,
        payloadBytes: this.#bytesOf(member),
      };
      const payloadAt = writeFragmentHeader(view, end, this.#layout, fragment);
      end =
        member.kind === "fragment"
          ? this.#writeFragment(member, payloadAt)
          : this.#writeEvent(member, payloadAt);
    }
    return end;
  }

  #writeFragment(fragment: MockFragment, at: number): number {
    const { view, slab } = this.#writer;
    const { bytes, source, number } = fragment;
    const little = this.#layout.littleEndian;
    const bodyAt = this.#writeHead(at, bytes, this.#headerOf(fragment));
    const end = at + bytes;
    view.setUint32(bodyAt, (end - bodyAt) / 2, little);
    view.setBigUint64(bodyAt + 4, stampOf(fragment.ticks), little);
    view.setUint32(bodyAt + 12, source, little);
    view.setUint32(bodyAt + 16, number, little);
    const noiseAt = number % NOISE_STARTS;
    const noiseBytes = end - bodyAt - BODY_HEAD_BYTES;
    this.#noise.copy(slab, bodyAt + BODY_HEAD_BYTES, noiseAt, noiseAt + noiseBytes);
    const { item, segment, offset } = this.#place;
    this.#onFragment(fragment, { item, segment, offset: offset + at - this.#itemAt }, at);
    return end;
  }

  #headerOf({ isHeaderless, stamp, source }: MockFragment): HeaderToWrite | undefined {
    if (isHeaderless) return undefined;
    return { stamp: stampOf(stamp), source, barrier: 0, extension: this.#extension };
  }

  #writeHead(at: number, size: number, header: HeaderToWrite | undefined): number {
    const type = ITEM_TYPE.PHYSICS_EVENT;
    return writeItemHead(this.#writer.view, at, this.#layout, { type, size, header });
  }
}

function noiseOf(seed: number, bytes: number): Buffer {
  const noise = Buffer.allocUnsafe(bytes);
  const random = randomOf(seed, "noise");
  for (let at = 0; at < bytes; at++) noise[at] = random.next() >>> 24;
  return noise;
}
