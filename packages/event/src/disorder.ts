/** What one reading of a source's stamps says of their order. */
export interface Disorder {
  /** Rows whose stamp is smaller than that of the row before them in the file. */
  readonly descents: number;
  /** Rows whose stamp equals that of the row before them. All duplicates, if there are no descents. */
  readonly repeats: number;
}

/**
 * Counts backward steps and repeated stamps in one pass.
 *
 * Both elements are read anew at each step: a BigInt carried round the loop in a variable is boxed
 * (5.0 against 2.0 ns a stamp; docs/decisions/0004-kernels.md).
 *
 * @param times shape (n), u64 ticks in file order
 */
export function disorderOf(times: BigUint64Array): Disorder {
  if (isStrictlyAscending(times)) return { descents: 0, repeats: 0 };
  let descents = 0;
  let repeats = 0;
  for (let row = 1; row < times.length; row++) {
    descents += +(times[row]! < times[row - 1]!);
    repeats += +(times[row]! === times[row - 1]!);
  }
  return { descents, repeats };
}

/** The usual case, told by one comparison a stamp instead of two. */
export function isStrictlyAscending(times: BigUint64Array): boolean {
  let steps = 0;
  for (let row = 1; row < times.length; row++) steps += +(times[row]! <= times[row - 1]!);
  return steps === 0;
}
