/** A fragment of a source, as it is sent: a PHYSICS_EVENT that isn't built. Its bytes are made when it is written. */
export interface MockFragment extends Turn {
  readonly kind: "fragment";
  readonly source: number;
  /** Its true time. */
  readonly ticks: number;
  /** What its headers say: the same, or {@link NO_STAMP}. */
  readonly stamp: number;
  readonly isHeaderless: boolean;
  /** Of its item. */
  readonly bytes: number;
  /** Counted through the run, in the order of triggers and sources. */
  readonly number: number;
}

/** An item that is no PHYSICS_EVENT. */
export interface RunItem extends Turn {
  readonly kind: "item";
  readonly type: number;
  /** Undefined for an item of no source. */
  readonly source: number | undefined;
  /** Ticks in its body header, {@link NO_STAMP} for NULL; undefined without one. */
  readonly stamp: number | undefined;
  /** In its body header; undefined without one. */
  readonly barrier: number | undefined;
  /** When it was made, in readings of the scalers or in triggers, as its body says. */
  readonly timeOffset: number;
  readonly item: Uint8Array;
}

/** When it arrives, in ticks, and as which of all. Set by the queue. */
interface Turn {
  arrives: number;
  turn: number;
}

export type Arrival = MockFragment | RunItem;

/** What was sent and didn't arrive yet: a binary heap by time and turn, whose first is at 0. */
export class ArrivalQueue {
  readonly #heap: Arrival[] = [];
  #turns = 0;
  /** Of the items that are in it. */
  bytes = 0;

  push(arrival: Arrival, arrives: number): void {
    arrival.arrives = arrives;
    arrival.turn = this.#turns++;
    this.bytes += bytesOf(arrival);
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(arrival);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!isBefore(arrival, heap[parent]!)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = arrival;
  }

  /** Takes out all that arrives before a time, in order. */
  *popBefore(time: number): Generator<Arrival> {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0]!.arrives < time) yield this.#pop();
  }

  #pop(): Arrival {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    this.bytes -= bytesOf(first);
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Fills the hole at 0. */
  #sink(last: Arrival): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
  }
}

const isBefore = (a: Arrival, b: Arrival): boolean =>
  a.arrives < b.arrives || (a.arrives === b.arrives && a.turn < b.turn);

const bytesOf = (arrival: Arrival): number =>
  arrival.kind === "fragment" ? arrival.bytes : arrival.item.byteLength;
