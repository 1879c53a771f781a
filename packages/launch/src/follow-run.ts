import { setTimeout } from "node:timers/promises";
import { LockWatch } from "./election.ts";
import { endText, RankChild, type ChildEnd } from "./rank-child.ts";
import { CLIENT_BEGINS } from "./rank-log.ts";
import { connectionOf, lockOf, valuesOf, type RankOrder } from "./rank-order.ts";
import { readRecord } from "./run-record.ts";

/** So often is looked whether the run has ended without this client, or its coordinator is gone. */
const LOOK_MS = 1000;
/** A shared file system may show a new file after a minute. */
const WAIT = ["--wait", "3m"];
/** So many clients may end one after the other, each soon after it began. */
const FRUITLESS_MAX = 30;
/** One that lived so long has done something. */
const FRUITFUL_MS = 10_000;
/** After the first of them the next one waits, twice as long each time, at most so long. */
const PAUSE_MS = 25;
const PAUSE_MS_MAX = 1000;
/** Nobody replaces a coordinator that has its rank from its launcher: it is waited for so long. */
const LOST_MS = 60_000;

/** How a run ended for one of its clients: with an exit code, or without coordinator, where another one is to be elected. */
export type FollowEnd =
  { readonly kind: "over"; readonly code: number } | { readonly kind: "elect" };

/** Is a client of the run until it ends, and starts it again where it dies. */
export async function followRun(order: RankOrder, signal: AbortSignal): Promise<FollowEnd> {
  const follower = new Follower(order, signal);
  return follower.run();
}

class Follower {
  readonly #order: RankOrder;
  readonly #signal: AbortSignal;
  readonly #watch: LockWatch;
  /** The record as it was when this process came: of an earlier start of the same job, perhaps. */
  readonly #recordBefore: string;
  #lostSinceMs: number | undefined;
  #lastBeat = "";

  constructor(order: RankOrder, signal: AbortSignal) {
    this.#order = order;
    this.#signal = signal;
    this.#watch = new LockWatch(lockOf(order.run), connectionOf(order.run));
    this.#recordBefore = this.#recordText();
  }

  async run(): Promise<FollowEnd> {
    let fruitless = 0;
    for (;;) {
      const begunMs = performance.now();
      const beat = this.#lastBeat;
      const { end, why } = await this.#oneClient();
      if (why !== undefined) return why;
      if (this.#signal.aborted) return over(0);
      if (end.code === 0) return this.#untilTheEnd(0);
      const soon = performance.now() - begunMs < FRUITFUL_MS;
      fruitless = soon ? fruitless + 1 : 0;
      // It found no coordinator, and one is on: it makes the index.
      const isEarly = end.code === 3 && !soon && this.#lastBeat !== beat;
      const isLast = end.code === 2 || (end.code === 3 && !isEarly) || fruitless > FRUITLESS_MAX;
      if (isLast) {
        this.#order.log.say("this rank has no client any more; the run goes on without it");
        return this.#untilTheEnd(end.code ?? 1);
      }
      if (!isEarly) this.#order.log.say(`the client ${endText(end)}; another one takes its place`);
      const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.max(0, fruitless - 1));
      await this.#pause(pauseMs);
    }
  }

  /** Shorter where the signal comes: the next client is told at once. */
  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }

  /** @returns how its process ended, and why it was told to, if it was */
  async #oneClient(): Promise<{ end: ChildEnd; why: FollowEnd | undefined }> {
    const child = this.#start();
    const stop = (): void => {
      child.stop();
    };
    this.#signal.addEventListener("abort", stop, { once: true });
    if (this.#signal.aborted) stop();
    const why = await this.#untilEnded(child.ended);
    if (why !== undefined) stop();
    const end = await child.ended;
    this.#signal.removeEventListener("abort", stop);
    this.#order.log.note(`client process ${String(child.pid)} ${endText(end)}`);
    return { end, why };
  }

  /** Undefined where the client came to its end by itself. */
  async #untilEnded(ended: Promise<ChildEnd>): Promise<FollowEnd | undefined> {
    for (;;) {
      const look = setTimeout(LOOK_MS, undefined, { ref: false });
      if ((await Promise.race([ended, look])) !== undefined) return undefined;
      const why = await this.#whyStop();
      if (why !== undefined) return why;
    }
  }

  #start(): RankChild {
    const { evb, run, flags, log } = this.#order;
    const wait = valuesOf(run.clientWords, "wait").length > 0 ? [] : WAIT;
    const quiet = flags.filter((flag) => flag === "--quiet");
    const words = ["client", connectionOf(run), ...run.clientWords, ...wait, ...quiet];
    const child = new RankChild([...evb, ...words, "--attached"], (line) => {
      log.say(line.replace(/^evb: /, ""));
    });
    log.note(CLIENT_BEGINS(child.pid));
    return child;
  }

  async #whyStop(): Promise<FollowEnd | undefined> {
    if (this.#endCode() !== undefined) return over(0);
    const seen = await this.#watch.look(performance.now());
    if (seen !== undefined) this.#lastBeat = `${seen.holder.nonce} ${String(seen.holder.beat)}`;
    if (seen !== undefined && !seen.isGone) {
      this.#lostSinceMs = undefined;
      return undefined;
    }
    if (this.#order.place.rank === undefined) return { kind: "elect" };
    // It may not have begun yet.
    if (seen === undefined) return undefined;
    this.#lostSinceMs ??= performance.now();
    return performance.now() - this.#lostSinceMs < LOST_MS
      ? undefined
      : this.#withoutCoordinator(1);
  }

  /**
   * Its client has ended, and its coordinator has to say yet that the run has, too. One that was of no use doesn't
   * matter where the run ended well.
   */
  async #untilTheEnd(code: number): Promise<FollowEnd> {
    for (;;) {
      const seen = await this.#watch.look(performance.now());
      const ended = this.#endCode();
      if (ended !== undefined) return over(ended === 0 ? 0 : code);
      if (this.#signal.aborted) return over(code);
      if (seen === undefined || seen.isGone) return this.#withoutCoordinator(code);
      await this.#pause(LOOK_MS);
    }
  }

  #withoutCoordinator(code: number): FollowEnd {
    if (this.#order.place.rank === undefined) return { kind: "elect" };
    this.#order.log.say(
      "the coordinator is gone, and the run is not done; the same command goes on",
    );
    return over(code === 0 ? 1 : code);
  }

  /** Of the run, as its coordinator says, in this start of the job. */
  #endCode(): number | undefined {
    const { run, job, place } = this.#order;
    const record = readRecord(run.out, job);
    if (record?.exitCode === undefined) return undefined;
    const isOfThisStart =
      place.launch === undefined
        ? JSON.stringify(record) !== this.#recordBefore
        : record.launch === place.launch;
    return isOfThisStart ? record.exitCode : undefined;
  }

  #recordText(): string {
    return JSON.stringify(readRecord(this.#order.run.out, this.#order.job));
  }
}

const over = (code: number): FollowEnd => ({ kind: "over", code });
