/** Further apart, two words are not one with a slip in it. */
const SLIPS_MAX = 2;

/** The known word that `word` was probably meant to be; the first of several. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const slips = known.map((each) => slipsBetween(word, each));
  const least = Math.min(...slips);
  const mostSlips = Math.min(SLIPS_MAX, Math.floor(word.length / 2));
  if (least <= mostSlips) return known[slips.indexOf(least)];
  // `timeout` for `event-timeout`.
  return word.length < 4 ? undefined : known.find((each) => each.split("-").includes(word));
}

/** Letters to add, to take away, to replace or to swap with the next (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1]!;
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, replaced, swapped));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
