/**
 * What the two threads of a client share while they work: five words, so that neither waits for the other.
 * Events that were handed to the working thread are counted from 0; a place is such a number.
 */
export const BENCH_WORDS = 5;

/** Places before it are begun, or done. */
export const BEGUN = 0;
/** How often un-begun events were taken back. */
const CUTS = 1;
/** KiB of results that nobody has acknowledged. */
export const HELD_KIB = 2;
/** 1 while an event is worked on. */
export const BUSY = 3;
/** Messages that were sent to the working thread once its bench was open. */
export const SENT = 4;

/**
 * Begins the event at a place, unless events are being taken back. The order decides: the place is
 * claimed before the cuts are looked at, and {@link takeBack} counts the cut before it looks at the
 * claims, so that at least one of the two sees the other; an event that both see counts as begun.
 *
 * @param cuts those that the working thread has heard of
 */
export function begin(words: Uint32Array, place: number, cuts: number): boolean {
  Atomics.store(words, BEGUN, place + 1);
  if (Atomics.load(words, CUTS) === cuts) return true;
  Atomics.store(words, BEGUN, place);
  return false;
}

/** Whether events were taken back that the working thread hasn't heard of yet. */
export const isTakenBack = (words: Uint32Array, cuts: number): boolean =>
  Atomics.load(words, CUTS) !== cuts;

/** Takes everything back that isn't begun; returns the first such place. The working thread must be told. */
export function takeBack(words: Uint32Array): number {
  Atomics.add(words, CUTS, 1);
  return Atomics.load(words, BEGUN);
}
