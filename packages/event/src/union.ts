/**
 * Every stamp that at least one list has, once, ascending. Lists are merged in pairs, so that each
 * stamp is moved log2(lists) times, by a merge without a branch on the data.
 *
 * @param lists each shape (n), ascending, repeats allowed
 */
export function uniqueUnion(lists: readonly BigUint64Array[]): BigUint64Array {
  if (lists.length === 0) return new BigUint64Array(0);
  if (lists.length === 1) return mergeUnique(lists[0]!, new BigUint64Array(0));
  let level = lists;
  while (level.length > 1) {
    const next: BigUint64Array[] = [];
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? mergeUnique(level[i]!, level[i + 1]!) : level[i]!);
    level = next;
  }
  return level[0]!;
}

function mergeUnique(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  const merged = new BigUint64Array(a.length + b.length);
  let i = 0;
  let j = 0;
  let n = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    merged[n++] = x <= y ? x : y;
    i += +(x <= y);
    j += +(y <= x);
  }
  merged.set(a.subarray(i), n);
  n += a.length - i;
  merged.set(b.subarray(j), n);
  n += b.length - j;
  return merged.slice(0, dropRepeats(merged, n));
}

function dropRepeats(times: BigUint64Array, n: number): number {
  if (n === 0) return 0;
  let kept = 1;
  for (let i = 1; i < n; i++) {
    const step = +(times[i]! !== times[kept - 1]!);
    times[kept] = times[i]!;
    kept += step;
  }
  return kept;
}
