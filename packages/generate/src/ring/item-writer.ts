import { FRAGMENT_HEADER_BYTES, ITEM_TYPE } from "@evb/formats";
import type { Arrival, RunItem } from "./arrivals.ts";
import { BuilderStage } from "./builder-stage.ts";
import { BUILT_HEAD_BYTES, sourceIds, triggerBytes, type MockRingRun } from "./mock-ring-run.ts";
import type { RingTruth } from "./ring-truth.ts";
import { isBarrier, RunItems } from "./run-items.ts";
import type { SegmentWriter } from "./segments.ts";
import { TruthRecorder } from "./truth-recorder.ts";
import { PhysicsWriter } from "./write-physics.ts";

/** Writes what arrives: raw items as they come, or built events, as glom does, and notes the truth. */
export class ItemWriter {
  readonly #run: MockRingRun;
  readonly #writer: SegmentWriter;
  readonly #recorder: TruthRecorder;
  readonly #physics: PhysicsWriter;
  readonly #stage: BuilderStage | undefined;
  readonly #items: RunItems;
  readonly #endBytes: number;
  /** Built events, written ones only. */
  #events = 0;
  /** Of fragments that wait in open events. */
  #heldBytes = 0;

  constructor(run: MockRingRun, writer: SegmentWriter) {
    this.#run = run;
    this.#writer = writer;
    this.#items = new RunItems(run);
    this.#recorder = new TruthRecorder(run, writer);
    this.#physics = new PhysicsWriter(run, writer, (fragment, place, payloadAt) => {
      this.#heldBytes -= fragment.bytes;
      this.#recorder.addFragment(fragment, place, payloadAt);
    });
    if (run.nesting > 0)
      this.#stage = new BuilderStage(run, run.nesting, sourceIds(run), (event) => {
        this.#events++;
        this.#recorder.addPhysics();
        this.#physics.writeBuilt(event);
      });
    this.#endBytes = [...this.#items.end(0)].reduce((sum, { item }) => sum + item.byteLength, 0);
  }

  /** Bytes that the run will have, to half a trigger, if it ends here with so many in its queue. */
  bytesWith(queuedBytes: number): number {
    const fragmentBytes = this.#run.eventBytes;
    // What waits in a queue is late, and will mostly be an event of its own.
    const held = this.#heldBytes * (1 + FRAGMENT_HEADER_BYTES / fragmentBytes);
    const late = queuedBytes * (1 + (FRAGMENT_HEADER_BYTES + BUILT_HEAD_BYTES) / fragmentBytes);
    const pending = this.#stage === undefined ? queuedBytes : held + late;
    return this.#writer.bytes + pending + this.#endBytes + triggerBytes(this.#run) / 2;
  }

  take(arrival: Arrival): void {
    if (arrival.kind === "item") {
      this.#takeItem(arrival);
      return;
    }
    this.#heldBytes += arrival.bytes;
    if (this.#stage !== undefined) {
      this.#stage.take(arrival);
      return;
    }
    this.#recorder.addPhysics();
    this.#physics.writeRaw(arrival);
  }

  /** @param triggers that the run had */
  truth(triggers: number): RingTruth {
    return this.#recorder.truth(triggers);
  }

  /** Ahead of the open event, unless a barrier closes that (specification 6.2, 6.4). */
  #takeItem(item: RunItem): void {
    if (isBarrier(item)) this.#stage?.closeAll();
    this.#write(item);
    const isCounted = item.type === ITEM_TYPE.PERIODIC_SCALERS && this.#run.version > 10;
    if (this.#stage !== undefined && isCounted)
      this.#write(this.#items.glomsCount(this.#events, item.timeOffset));
  }

  #write(item: RunItem): void {
    const { at, place } = this.#writer.begin(item.item.byteLength);
    this.#writer.slab.set(item.item, at);
    this.#writer.end(undefined);
    this.#recorder.addRunItem(item, place);
  }
}
