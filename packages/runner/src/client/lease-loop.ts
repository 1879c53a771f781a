import { setImmediate, setTimeout } from "node:timers/promises";
import { encodeEpoch } from "../wire/epoch-message.ts";
import { readHeader } from "../wire/header.ts";
import { encodeFailures } from "../wire/join.ts";
import { decodeLeases, type Lease } from "../wire/lease-message.ts";
import { encodeResults, RANGES_PER_FRAME_MAX, type ClientTimes } from "../wire/result-message.ts";
import type { FromBench, ToBench } from "./bench-messages.ts";
import { begin, BUSY, HELD_KIB, isTakenBack, SENT } from "./bench-words.ts";
import type { Bench } from "./bench.ts";

/**
 * Results are sent when there is nothing left to do, and while events are worked on when as many are done as are left,
 * not more often than this: each message takes half a millisecond of this host and of the coordinator's.
 */
const PUBLISH_MS_MIN = 5;
/** …and however much is left, at least so often. */
const PUBLISH_MS_MAX = 50;
/** The thread's event loop gets its turn at least so often, and whenever there is a message for it. */
const YIELD_MS = 10;
/** How often it is looked whether results may be made again. */
const HELD_BACK_MS = 1;
/** Totals are sent so often, or sooner when there is nothing else to do, or a message can't say of more events. */
const EPOCH_MS = 1000;
/** …but then not more often than this: an empty ring may be a short one. */
const EPOCH_IDLE_MS = 10;
/** Results that nobody acknowledged wait with the sockets; above it no event is begun. */
const UNACKNOWLEDGED_KIB_MAX = 64 * 1024;
/**
 * A result frame is sent when it has so much. Leases of one event give as many ranges: at 65,536 the
 * coordinator waited for the ring to run empty, and handed out 163,000 a second; at 256, 226,000
 * (docs/benchmarks.md, 2026-11-20).
 */
const RESULT_BYTES_MAX = 4 * 2 ** 20;
const RESULT_RANGES_MAX = 256;

/** A lease and the places of its events: see bench-words.ts. */
interface Entry {
  readonly lease: Lease;
  readonly double: boolean;
  readonly place: number;
  /** Behind its last place; less where its end was taken back. */
  end: number;
}

/** Nobody numbers or addresses messages here; the thread of the sockets does. */
const UNADDRESSED = { sid: 0, session: 0, seq: 0, ack: 0 };

/** Works through leases, in the thread that analyses. */
export class LeaseLoop {
  readonly #bench: Bench;
  readonly #words: Uint32Array;
  readonly #before: ClientTimes;
  readonly #post: (message: FromBench) => void;
  readonly #ring: Entry[] = [];
  /** The place of the next event that comes. */
  #places = 0;
  #cuts = 0;
  #ending = false;
  #begunAtMs: number | undefined;
  #waitSeconds = 0;
  #publishSeconds = 0;
  #epochAtMs = 0;
  #epochDue = false;
  #publishedAtMs = 0;
  #eventsSincePublished = 0;
  #yieldedAtMs = 0;
  /** Messages that were taken. */
  #taken = 0;
  #wake: (() => void) | undefined;
  /** The next event that reading may be begun for. */
  readonly #ahead: { entry: Entry | undefined; event: number; fragment: number } = {
    entry: undefined,
    event: 0,
    fragment: 0,
  };

  constructor(
    bench: Bench,
    parts: { words: Uint32Array; before: ClientTimes; post: (message: FromBench) => void },
  ) {
    this.#bench = bench;
    this.#words = parts.words;
    this.#before = parts.before;
    this.#post = parts.post;
    bench.beforeResult = () => {
      this.#isolate();
    };
  }

  /** @throws EvbError "frame-bad" */
  take(message: Exclude<ToBench, { kind: "open" }>): void {
    this.#taken++;
    switch (message.kind) {
      case "leases":
        this.#begunAtMs ??= performance.now();
        this.#append(message);
        break;
      case "cut":
        this.#cut(message);
        break;
      case "end":
        this.#ending = true;
        break;
    }
    this.#wake?.();
  }

  /** Works until it is told to end. @throws EvbError where no event can be right any more */
  async run(): Promise<void> {
    while (!this.#ending) {
      const entry = this.#ring[0];
      if (entry === undefined) await this.#idle();
      else await this.#workOn(entry);
    }
    this.#publishEpoch();
    this.#post({ kind: "ended" });
  }

  #append({ frame, double }: Extract<ToBench, { kind: "leases" }>): void {
    const sources = this.#bench.leaseSources;
    for (const lease of decodeLeases(readHeader(frame), frame, sources)) {
      const place = this.#places;
      this.#places += lease.time.length;
      this.#ring.push({ lease, double, place, end: this.#places });
    }
  }

  #cut({ place, settle }: Extract<ToBench, { kind: "cut" }>): void {
    this.#cuts++;
    this.#places = place;
    // One of those that are taken back may be about to be begun: it sees its end.
    for (const entry of this.#ring) entry.end = Math.min(entry.end, place);
    while (this.#ring.length > 0 && this.#ring.at(-1)!.place >= place) this.#ring.pop();
    this.#bench.forgetAhead();
    // The event in work may be counted elsewhere, and would be refused together with what is done, and
    // with what comes then.
    this.#publishEpoch();
    this.#epochDue = true;
    if (settle) this.#post({ kind: "settled" });
  }

  /** Something was taken back while an event was in work: it may be counted elsewhere, too. */
  #isolate(): void {
    if (this.#epochDue || !isTakenBack(this.#words, this.#cuts)) return;
    this.#publishEpoch();
    this.#epochDue = true;
  }

  async #workOn(entry: Entry): Promise<void> {
    const { lease, double, place } = entry;
    if (double) this.#publishEpoch();
    let fragment = 0;
    for (let event = 0; place + event < entry.end; event++) {
      if (this.#isHeldBack) await this.#holdBack();
      if (!this.#begins(place + event) && !(await this.#beginLater(entry, place + event))) break;
      this.#lookAhead(entry, { event, fragment });
      const running = this.#bench.run(lease, event, fragment);
      // Most events are done at once, and have no promise that would cost each a turn.
      if (running !== undefined) await running;
      Atomics.store(this.#words, BUSY, 0);
      fragment += lease.fragmentCount[event]!;
      if (this.#afterEvent(place + event + 1)) await this.#yield();
      if (this.#ending) return;
    }
    // A cut may have taken it from the ring.
    if (this.#ring[0] === entry) this.#ring.shift();
    if (double) this.#publishEpoch();
  }

  /** Reading begins for events that come, from the one behind `now` on, as far as the bench wants. */
  #lookAhead(entry: Entry, now: { readonly event: number; readonly fragment: number }): void {
    const next = this.#ahead;
    if (next.entry !== entry && !this.#ring.includes(next.entry!)) next.entry = undefined;
    if (next.entry === undefined || (next.entry === entry && next.event <= now.event)) {
      next.entry = entry;
      next.event = now.event;
      next.fragment = now.fragment;
    }
    for (let at = next.entry; ;) {
      const isOver = at.place + next.event >= at.end;
      if (isOver) {
        const following = this.#ring[this.#ring.indexOf(at) + 1];
        if (following === undefined) return;
        next.entry = at = following;
        next.event = next.fragment = 0;
      } else if (this.#bench.ahead(at.lease, next.event, next.fragment))
        next.fragment += at.lease.fragmentCount[next.event++]!;
      else return;
    }
  }

  /** Whether the event is begun: nothing is being taken back. */
  #begins(place: number): boolean {
    Atomics.store(this.#words, BUSY, 1);
    if (begin(this.#words, place, this.#cuts)) return true;
    Atomics.store(this.#words, BUSY, 0);
    return false;
  }

  /** Whether the event is still ours, once it is known what was taken back. */
  async #beginLater(entry: Entry, place: number): Promise<boolean> {
    do {
      await this.#message();
      if (this.#ending || place >= entry.end) return false;
    } while (!this.#begins(place));
    return true;
  }

  /** Whether the event loop is to have its turn. @param next the place of the event that comes then */
  #afterEvent(next: number): boolean {
    const bench = this.#bench;
    const now = performance.now();
    this.#eventsSincePublished++;
    if (this.#isPublishDue(now, next) || isFull(bench)) this.#publishResults(now);
    this.#epochDue ||=
      now - this.#epochAtMs >= EPOCH_MS || bench.uncountedRanges >= RANGES_PER_FRAME_MAX;
    if (this.#epochDue) this.#publishEpoch();
    return Atomics.load(this.#words, SENT) !== this.#taken || now - this.#yieldedAtMs >= YIELD_MS;
  }

  #isPublishDue(now: number, next: number): boolean {
    const since = now - this.#publishedAtMs;
    if (since < PUBLISH_MS_MIN) return false;
    return since >= PUBLISH_MS_MAX || this.#places - next <= this.#eventsSincePublished;
  }

  async #yield(): Promise<void> {
    await setImmediate();
    this.#yieldedAtMs = performance.now();
  }

  get #isHeldBack(): boolean {
    return Atomics.load(this.#words, HELD_KIB) > UNACKNOWLEDGED_KIB_MAX;
  }

  async #holdBack(): Promise<void> {
    const begun = performance.now();
    while (this.#isHeldBack && !this.#ending) await setTimeout(HELD_BACK_MS);
    this.#publishSeconds += (performance.now() - begun) / 1000;
  }

  async #message(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Nothing to do: say what is done, then wait for a lease; totals follow when none comes. */
  async #idle(): Promise<void> {
    const begun = performance.now();
    const publishedBefore = this.#publishSeconds;
    this.#publishResults(begun);
    const sinceEpoch = begun - this.#epochAtMs;
    let timer: NodeJS.Timeout | undefined;
    if (this.#bench.uncountedRanges > 0) {
      if (sinceEpoch >= EPOCH_IDLE_MS) this.#publishEpoch();
      else
        timer = globalThis.setTimeout(() => {
          this.#epochDue = true;
          this.#wake?.();
        }, EPOCH_IDLE_MS - sinceEpoch);
    }
    while (this.#ring.length === 0 && !this.#ending) {
      await this.#message();
      if (this.#epochDue) this.#publishEpoch();
    }
    clearTimeout(timer);
    this.#yieldedAtMs = performance.now();
    // Before the first lease the run had not begun.
    const since = Math.max(begun, this.#begunAtMs ?? this.#yieldedAtMs);
    const publishing = this.#publishSeconds - publishedBefore;
    this.#waitSeconds += Math.max(0, (this.#yieldedAtMs - since) / 1000 - publishing);
  }

  #publishResults(now: number): void {
    this.#publishedAtMs = now;
    this.#eventsSincePublished = 0;
    const { results } = this.#bench;
    if (results.isEmpty) return;
    this.#bench.settle();
    const { failures, ...taken } = results.take();
    const times = this.#times();
    const frame = encodeResults(UNADDRESSED, { ...taken, times });
    const events = taken.ranges.reduce((sum, range) => sum + range.events, 0);
    this.#post({
      kind: "message",
      frames: failures.length === 0 ? [frame] : [frame, encodeFailures(failures)],
      events,
      times,
    });
    this.#publishSeconds += (performance.now() - now) / 1000;
  }

  /** Results of the same events have gone before: an epoch's events are done. */
  #publishEpoch(): void {
    const now = performance.now();
    this.#epochAtMs = now;
    this.#epochDue = false;
    const bench = this.#bench;
    if (bench.uncountedRanges === 0) return;
    bench.checkUnchanged();
    this.#publishResults(now);
    const begun = performance.now();
    const frame = encodeEpoch(UNADDRESSED, bench.takeEpoch());
    this.#post({ kind: "message", frames: [frame], events: 0, times: this.#times() });
    this.#publishSeconds += (performance.now() - begun) / 1000;
  }

  #times(): ClientTimes {
    const before = this.#before;
    const { bytes, bytesRead, openSeconds, readSeconds, decodeSeconds, analysisSeconds } =
      this.#bench.times;
    const begun = this.#begunAtMs;
    const seconds = begun === undefined ? 0 : (performance.now() - begun) / 1000;
    return {
      bytes: before.bytes + bytes,
      bytesRead: before.bytesRead + bytesRead,
      seconds: before.seconds + seconds,
      waitSeconds: before.waitSeconds + this.#waitSeconds,
      openSeconds: before.openSeconds + openSeconds,
      readSeconds: before.readSeconds + readSeconds,
      decodeSeconds: before.decodeSeconds + decodeSeconds,
      analysisSeconds: before.analysisSeconds + analysisSeconds,
      publishSeconds: before.publishSeconds + this.#publishSeconds,
    };
  }
}

const isFull = ({ results }: Bench): boolean =>
  results.bytes > RESULT_BYTES_MAX || results.rangeCount >= RESULT_RANGES_MAX;
