import { Worker } from "node:worker_threads";
import { EvbError, type ElementType } from "@evb/event";
import { HEADER_BYTES, readHeader } from "../wire/header.ts";
import { decodeLeases, sumOfColumn, type LeaseSources } from "../wire/lease-message.ts";
import { ColumnCursor } from "../wire/columns.ts";
import type { GivenBack } from "../wire/revoked-message.ts";
import { builtUrl } from "@evb/formats";
import type { BenchOrder, FromBench, ThreadStart, ToBench } from "./bench-messages.ts";
import { leaseSourcesOf } from "./lease-sources.ts";
import { BEGUN, BENCH_WORDS, BUSY, HELD_KIB, SENT, takeBack } from "./bench-words.ts";

/** The event that a thread worked on when it ended. */
export interface EventInWork {
  readonly lease: number;
  readonly event: number;
  /** Element type of each fragment's source. */
  readonly types: readonly ElementType[];
}

export interface BenchEvents {
  message(message: Extract<FromBench, { kind: "message" }>): void;
  /** After {@link BenchThread.takeBack}: the totals of what was done before are sent. */
  settled(): void;
  /** Everything is sent that it was told to send. */
  ended(): void;
  /** It can't go on, and no other thread could. */
  failed(reason: Error): void;
  /** It is gone, and with it what it had not sent; the event that it worked on is to blame. */
  stuck(event: EventInWork, reason: string): void;
}

/** A LEASE, and the places of its events that weren't taken back. */
interface Posted {
  readonly place: number;
  end: number;
  readonly frame: Uint8Array;
}

/** A time-out is looked at so often in its course; so late it is noticed at most. */
const LOOKS = 10;
const LOOK_MS_MIN = 5;
const LOOK_MS_MAX = 100;

/**
 * The thread that reads and analyses, as the thread of the sockets sees it. Leases go to it as they
 * came and results come back as they will travel; what isn't begun can be taken back at any time.
 */
export class BenchThread {
  readonly #worker: Worker;
  readonly #words: Uint32Array;
  readonly #sourceTypes: readonly ElementType[];
  readonly #leaseSources: LeaseSources;
  readonly #writes: boolean;
  /** Until its first word. */
  #opening: { resolve: () => void; reject: (reason: Error) => void } | undefined;
  #schema = new Uint8Array(0);
  /** LEASEs with events that may not be begun yet. */
  #posted: Posted[] = [];
  #places = 0;
  #events: BenchEvents | undefined;
  #watch: NodeJS.Timeout | undefined;

  private constructor(order: BenchOrder, events: BenchEvents, started: StartedThread) {
    this.#words = started.words;
    this.#sourceTypes = order.welcome.sources.map(({ type }) => type);
    this.#leaseSources = leaseSourcesOf(order.welcome);
    this.#writes = order.welcome.rebuild !== undefined;
    this.#events = events;
    this.#worker = started.worker;
    this.#say({ kind: "open", order });
    this.#worker.on("message", (message: FromBench) => {
      this.#take(message);
    });
    this.#worker.once("error", (error) => {
      this.#gone(reasonOf(error));
    });
    this.#worker.once("exit", () => {
      this.#gone(ENDED);
    });
  }

  /** @throws EvbError what is wrong with the analysis or its options */
  static async open(
    order: BenchOrder,
    events: BenchEvents,
    started = startThread(),
  ): Promise<BenchThread> {
    const thread = new BenchThread(order, events, started);
    try {
      await new Promise<void>((resolve, reject) => {
        thread.#opening = { resolve, reject };
        const gone = started.gone();
        if (gone !== undefined) thread.#gone(gone);
      });
      return thread;
    } catch (thrown) {
      thread.close();
      throw thrown;
    }
  }

  /** What its results will look like: the schema, encoded. */
  get schema(): Uint8Array<ArrayBuffer> {
    return this.#schema;
  }

  /** @param frame a LEASE, checked */
  post(frame: Uint8Array, { double }: { double: boolean }): void {
    const end = this.#places + sumOfColumn(headsOf(frame), 2);
    this.#posted.push({ place: this.#places, end, frame });
    this.#places = end;
    const copy = new Uint8Array(frame);
    this.#say({ kind: "leases", frame: copy, double }, [copy.buffer]);
  }

  /** Takes back what isn't begun; what is done is sent, its totals too, and then that it is settled. */
  takeBack(): void {
    this.#takeBack({ settle: true });
  }

  /** Takes back what isn't begun, and says what it is; what is done is sent, its totals too. */
  giveBack(): GivenBack[] {
    return this.#takeBack({ settle: false });
  }

  #takeBack({ settle }: { settle: boolean }): GivenBack[] {
    const place = takeBack(this.#words);
    const given = this.#posted.flatMap((each) => behind(each, place));
    this.#places = place;
    this.#forgetBegun();
    this.#posted = this.#posted.filter((each) => each.place < place);
    for (const each of this.#posted) each.end = Math.min(each.end, place);
    this.#say({ kind: "cut", place, settle });
    return given;
  }

  /** Finishes the event in work, and sends all that is done; `ended` follows. */
  end(): void {
    this.#say({ kind: "end" });
  }

  /** Bytes of results that nobody has acknowledged. */
  set held(bytes: number) {
    Atomics.store(this.#words, HELD_KIB, Math.ceil(bytes / 1024));
  }

  /** An event that takes longer ends the thread. */
  limit(eventTimeoutMs: number): void {
    const lookMs = Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, eventTimeoutMs / LOOKS));
    let begun = -1;
    let spentMs = 0;
    let lookedAtMs = performance.now();
    this.#watch = setInterval(() => {
      const now = performance.now();
      // A process that was frozen does not blame the event for it.
      const passedMs = Math.min(now - lookedAtMs, 2 * lookMs);
      lookedAtMs = now;
      const working = Atomics.load(this.#words, BUSY) === 1;
      const at = Atomics.load(this.#words, BEGUN);
      spentMs = working && at === begun ? spentMs + passedMs : 0;
      begun = at;
      if (spentMs > eventTimeoutMs)
        this.#gone(`it takes longer than --event-timeout ${String(eventTimeoutMs / 1000)}s`, at);
    }, lookMs);
  }

  close(): void {
    this.#events = undefined;
    clearInterval(this.#watch);
    void this.#worker.terminate();
  }

  #take(message: FromBench): void {
    this.#forgetBegun();
    switch (message.kind) {
      case "message":
        this.#events?.message(message);
        break;
      case "settled":
        this.#events?.settled();
        break;
      case "ended": {
        const events = this.#events;
        // Its exit is no surprise any more.
        this.close();
        events?.ended();
        break;
      }
      case "failed":
        this.#fail(errorOf(message));
        break;
      case "ready":
        this.#schema = message.schema;
        this.#opening?.resolve();
        this.#opening = undefined;
        break;
    }
  }

  #fail(reason: Error): void {
    if (this.#opening === undefined) this.#events?.failed(reason);
    else this.#opening.reject(reason);
  }

  /** @param begun the words' BEGUN when it was looked at: the event before it is to blame */
  #gone(reason: string, begun?: number): void {
    const events = this.#events;
    if (events === undefined) return;
    if (this.#opening !== undefined) {
      this.#opening.reject(new Error(`${reason} before its first event`));
      return;
    }
    // A part that isn't written is no event that failed: somebody else writes it.
    const event = this.#writes ? undefined : this.#inWork(begun);
    this.close();
    if (event === undefined) events.failed(new Error(reason));
    else events.stuck(event, reason);
  }

  #inWork(begun: number | undefined): EventInWork | undefined {
    if (begun === undefined && Atomics.load(this.#words, BUSY) === 0) return undefined;
    const place = (begun ?? Atomics.load(this.#words, BEGUN)) - 1;
    const posted = this.#posted.find((each) => each.place <= place && place < each.end);
    if (posted === undefined) return undefined;
    const { frame } = posted;
    let at = posted.place;
    for (const lease of decodeLeases(readHeader(frame), frame, this.#leaseSources)) {
      const event = place - at;
      at += lease.time.length;
      if (place >= at) continue;
      const before = lease.fragmentCount.subarray(0, event).reduce((sum, n) => sum + n, 0);
      const sources = lease.source.subarray(before, before + lease.fragmentCount[event]!);
      const types = Array.from(sources, (source) => this.#sourceTypes[source]!);
      return { lease: lease.id, event: lease.first + event, types };
    }
    return undefined;
  }

  #forgetBegun(): void {
    const begun = Atomics.load(this.#words, BEGUN);
    let done = 0;
    while (done < this.#posted.length && this.#posted[done]!.end < begun) done++;
    if (done > 0) this.#posted.splice(0, done);
  }

  #say(message: ToBench, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
    if (message.kind !== "open") Atomics.add(this.#words, SENT, 1);
  }
}

/** (lease, first, events, fragments) of each lease. */
function headsOf(frame: Uint8Array): Uint32Array {
  const { n } = readHeader(frame);
  return new ColumnCursor(frame, HEADER_BYTES, "lease").take("u32", 4 * n);
}

/** Its events from a place on. */
function behind({ place, end, frame }: Posted, from: number): GivenBack[] {
  if (end <= from) return [];
  const heads = headsOf(frame);
  const given: GivenBack[] = [];
  for (let i = 0, at = place; i < heads.length && at < end; i += 4) {
    const events = Math.min(heads[i + 2]!, end - at);
    const left = Math.max(0, Math.min(events, from - at));
    if (left < events)
      given.push({ lease: heads[i]!, first: heads[i + 1]! + left, events: events - left });
    at += events;
  }
  return given;
}

function errorOf({ tag, message, exitCode }: Extract<FromBench, { kind: "failed" }>): Error {
  return exitCode === undefined ? new Error(message) : new EvbError(tag, {}, message, exitCode);
}

const ENDED = "the analysis ended its thread";
const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** A thread that loads what it will need, and waits for its order. */
export interface StartedThread {
  readonly worker: Worker;
  /** See bench-words.ts. */
  readonly words: Uint32Array;
  /** Why it is gone already; undefined where it isn't. */
  gone(): string | undefined;
}

/** @param kind what it should load before it is told what to do */
export function startThread(kind?: ThreadStart["kind"]): StartedThread {
  const bytes = BENCH_WORDS * Uint32Array.BYTES_PER_ELEMENT;
  const words = new Uint32Array(new SharedArrayBuffer(bytes));
  const start: ThreadStart = { words, kind };
  const file = builtUrl({ name: "./bench-worker.js", from: import.meta.url });
  const worker = new Worker(file, { workerData: start });
  let reason: string | undefined;
  worker.once("error", (error) => {
    reason ??= reasonOf(error);
  });
  worker.once("exit", () => {
    reason ??= ENDED;
  });
  return { worker, words, gone: () => reason };
}
