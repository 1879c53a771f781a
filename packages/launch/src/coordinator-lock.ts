import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { sentenceOf } from "@evb/event";
import { thisProcess, type ProcessPlace } from "@evb/runner";
import { fault } from "./faults.ts";

/** Who holds a lock. */
export interface Holder extends ProcessPlace {
  /** Of this lock and of no other one ever. */
  readonly nonce: string;
  /** "" where it is of no batch system. */
  readonly job: string;
  /** When it was taken (ISO 8601), for people: clocks differ from host to host. */
  readonly time: string;
  /** Grows as long as its holder lives. */
  readonly beat: number;
  /** Its holder is about to remove it. */
  readonly released: boolean;
}

/** A record is always as long, so that it is written over in place. */
const RECORD_BYTES = 1024;

/**
 * OUT.lock: the process that has made it is the coordinator. It is made by link(2), so that it is there whole or
 * not at all, and of several that make it one succeeds, on NFS as well.
 *
 *     OUT.lock                nonce x, of a process that is gone
 *     OUT.lock.<x>            nonce y, made by the one that found it gone: it is the holder from now on
 *     rename(OUT.lock.<x>, OUT.lock)
 *
 * Who replaces x makes the one name that belongs to x, so of many one succeeds; and who comes so late that
 * OUT.lock isn't x any more sees that nobody asks for what it made. Where a replacer dies between the two steps,
 * its own lock is the one to be replaced: the holder is always the last of the chain.
 */
export class CoordinatorLock {
  readonly path: string;
  readonly #holder: Holder;
  readonly #fd: number;
  #beat = 0;

  private constructor(path: string, holder: Holder, fd: number) {
    this.path = path;
    this.#holder = holder;
    this.#fd = fd;
  }

  /**
   * Takes a lock that nobody has, or replaces the one of somebody who is gone.
   *
   * @returns undefined where somebody else was first
   * @throws EvbError "lock-unwritable"
   */
  static take(path: string, job: string, gone: Holder | undefined): CoordinatorLock | undefined {
    const holder: Holder = {
      ...thisProcess(),
      nonce: randomUUID(),
      job,
      time: new Date().toISOString(),
      beat: 0,
      released: false,
    };
    try {
      mkdirSync(dirname(path), { recursive: true });
      const name = gone === undefined ? path : successorOf(path, gone);
      if (!makeWhole(name, holder)) return undefined;
      if (gone !== undefined && !becomesTheLock(path, name, holder)) return undefined;
      return new CoordinatorLock(path, holder, openSync(path, "r+"));
    } catch (thrown) {
      throw fault("lock-unwritable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
    }
  }

  /** Tells those who look that this process lives. */
  beat(): void {
    this.#beat++;
    writeSync(this.#fd, textOf({ ...this.#holder, beat: this.#beat }), 0);
    fsyncSync(this.#fd);
  }

  /** Whether nobody has replaced it: this process may have been frozen. */
  get isOurs(): boolean {
    return holderOf(this.path)?.nonce === this.#holder.nonce;
  }

  /** Removes the lock, if it is ours still. */
  release(): void {
    const successor = successorOf(this.path, this.#holder);
    // Nobody can replace it from now on.
    if (makeWhole(successor, { ...this.#holder, nonce: randomUUID(), released: true })) {
      if (readRecord(this.path)?.nonce === this.#holder.nonce) rmSync(this.path, { force: true });
      rmSync(successor, { force: true });
    }
    closeSync(this.#fd);
  }
}

/** Who holds the lock; undefined: nobody. */
export function holderOf(path: string): Holder | undefined {
  let holder = readRecord(path);
  for (;;) {
    const next: Holder | undefined = holder && readRecord(successorOf(path, holder));
    if (next === undefined) return holder;
    holder = next;
  }
}

const successorOf = (path: string, { nonce }: Holder): string => `${path}.${nonce}`;

/** @returns false where the name is taken */
function makeWhole(name: string, holder: Holder): boolean {
  const partial = `${name}.${holder.nonce}.partial`;
  writeFileSync(partial, textOf(holder), { flag: "wx" });
  try {
    linkSync(partial, name);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
    // Over NFS the answer to a link that was made may be lost, and the second asking finds its own.
    return readRecord(name)?.nonce === holder.nonce;
  } finally {
    rmSync(partial, { force: true });
  }
}

/** @returns false where the lock wasn't any more the one that was to be replaced */
function becomesTheLock(path: string, name: string, holder: Holder): boolean {
  if (holderOf(path)?.nonce === holder.nonce) {
    renameSync(name, path);
    return true;
  }
  rmSync(name, { force: true });
  return false;
}

const textOf = (holder: Holder): string => `${JSON.stringify(holder).padEnd(RECORD_BYTES - 1)}\n`;

/** Undefined, too, of a file that is no lock: nobody holds it. */
function readRecord(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fault("lock-unwritable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return parseHolder(text) ?? strangers(text);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { nonce, job, host, pid, begun, time, beat, released } = JSON.parse(text) as Holder;
    const texts = [nonce, job, host, begun, time];
    const isOne = texts.every((each) => typeof each === "string") && /^[-\da-f]{36}$/.test(nonce);
    if (!isOne || typeof pid !== "number" || typeof beat !== "number") return undefined;
    return { nonce, job, host, pid, begun, time, beat, released };
  } catch {
    return undefined;
  }
}

/** What is no lock of ours, or half of a record while it is written: it must stay as it is for a while before it is replaced. */
const strangers = (text: string): Holder => ({
  nonce: "stranger",
  job: "",
  host: "",
  pid: 0,
  begun: "",
  time: "",
  beat: text.length,
  released: false,
});
