import { setTimeout } from "node:timers/promises";
import { isOn, refuseLiveRun, thisProcess } from "@evb/runner";
import { CoordinatorLock, holderOf, type Holder } from "./coordinator-lock.ts";
import { fault } from "./faults.ts";

/** Whose beat stands still for so long, and whose coordinator answers nobody, is gone. */
const GONE_MS = 10_000;
/** So often a holder says that it lives; a shared file system may show it some seconds later. */
export const BEAT_MS = 2000;
/** So often others look. */
const LOOK_MS = 500;

/** Looks whether a lock's holder lives: by its beat, as clocks differ from host to host, and by its coordinator. */
export class LockWatch {
  readonly #path: string;
  readonly #connection: string;
  #seen = "";
  #sinceMs = 0;

  /** @param connection the connection file of whoever holds the lock */
  constructor(path: string, connection: string) {
    this.#path = path;
    this.#connection = connection;
  }

  /** Who holds it, and whether that one is gone; undefined: nobody does. */
  async look(nowMs: number): Promise<{ holder: Holder; isGone: boolean } | undefined> {
    const holder = holderOf(this.#path);
    if (holder === undefined) {
      this.#seen = "";
      return undefined;
    }
    const seen = `${holder.nonce} ${String(holder.beat)}`;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#sinceMs = nowMs;
    }
    const isGone =
      hasEnded(holder) || (nowMs - this.#sinceMs >= GONE_MS && !(await this.#answers()));
    return { holder, isGone };
  }

  async #answers(): Promise<boolean> {
    try {
      await refuseLiveRun(this.#connection);
      return false;
    } catch {
      return true;
    }
  }
}

/** Of a process of this host that isn't there any more; of another host's nothing can be said. */
function hasEnded(holder: Holder): boolean {
  const { host, pid, begun } = thisProcess();
  const isThis = holder.pid === pid && holder.begun === begun;
  return holder.host === host && holder.begun !== "" && !isThis && !isOn(holder);
}

/**
 * Takes the lock, or says who of the same job has it. Waits for as long as it takes to see that a holder is gone.
 *
 * @returns the lock; or a holder of this job; undefined where the signal came
 * @throws EvbError "lock-held" where a process of another job has it, or any other one where `shared` is false
 */
export async function contend(
  { path, connection, job }: { path: string; connection: string; job: string },
  { shared }: { shared: boolean },
  signal: AbortSignal,
): Promise<CoordinatorLock | Holder | undefined> {
  const watch = new LockWatch(path, connection);
  const begunMs = performance.now();
  let first: Holder | undefined;
  while (!signal.aborted) {
    const seen = await watch.look(performance.now());
    if (seen === undefined || seen.isGone) {
      const lock = CoordinatorLock.take(path, job, seen?.holder);
      if (lock !== undefined) return lock;
      continue;
    }
    const { holder } = seen;
    if (shared && job !== "" && holder.job === job) return holder;
    first ??= holder;
    const lives = holder.nonce !== first.nonce || holder.beat !== first.beat;
    if (lives || performance.now() - begunMs > 2 * GONE_MS) throw heldBy(path, holder);
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

const heldBy = (path: string, { job, host, pid }: Holder): Error =>
  fault("lock-held", { path, job: job === "" ? "of no batch system" : job, host, pid });
