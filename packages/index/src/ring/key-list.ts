import type { ContentKey } from "./content-keys.ts";

/** Keys of one piece: 8 MB, so that a list's last piece is little against a large run. */
const PIECE_KEYS = 2 ** 20;

/** Keys of records, as many as there are, at 8 bytes each. */
export class KeyList {
  readonly #pieces: Uint32Array[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add({ low, high }: ContentKey): void {
    const at = this.#count % PIECE_KEYS;
    if (at === 0) this.#pieces.push(new Uint32Array(2 * PIECE_KEYS));
    const piece = this.#pieces[this.#pieces.length - 1]!;
    piece[2 * at] = low;
    piece[2 * at + 1] = high;
    this.#count++;
  }

  /** Ascending; the list is empty afterwards. */
  takeSorted(): BigUint64Array {
    const words = new Uint32Array(2 * this.#count);
    for (let at = 0; this.#pieces.length > 0; at += 2 * PIECE_KEYS)
      words.set(this.#pieces.shift()!.subarray(0, words.length - at), at);
    this.#count = 0;
    return new BigUint64Array(words.buffer).sort();
  }
}

/** Whether a key is in an ascending list. */
export function hasKey(sorted: BigUint64Array, key: bigint): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === key;
}

/** Keys that are more often in one list than in the other, with how often; at most `max` of them, and how many in all. */
export interface Surplus {
  readonly keys: Map<bigint, number>;
  count: number;
}

/** What either of two ascending lists has more than the other. */
export function surplusOf(
  one: BigUint64Array,
  other: BigUint64Array,
  max: number,
): { one: Surplus; other: Surplus } {
  const found = {
    one: { keys: new Map<bigint, number>(), count: 0 },
    other: { keys: new Map<bigint, number>(), count: 0 },
  };
  let [i, k] = [0, 0];
  while (i < one.length || k < other.length) {
    const [a, b] = [one[i], other[k]];
    if (a === b) {
      i++;
      k++;
    } else if (b === undefined || (a !== undefined && a < b)) {
      addTo(found.one, a!, max);
      i++;
    } else {
      addTo(found.other, b, max);
      k++;
    }
  }
  return found;
}

function addTo(surplus: Surplus, key: bigint, max: number): void {
  surplus.count++;
  if (surplus.keys.has(key) || surplus.keys.size < max)
    surplus.keys.set(key, (surplus.keys.get(key) ?? 0) + 1);
}

/** Takes a key out once; false where it isn't in there. */
export function takeFrom(surplus: Surplus, key: bigint): boolean {
  const times = surplus.keys.get(key) ?? 0;
  if (times === 0) return false;
  surplus.keys.set(key, times - 1);
  surplus.count--;
  return true;
}
