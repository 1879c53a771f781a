import type { RowLayout } from "./row-layout.ts";

/** A stretch of bytes that lie side by side both in a chunk's part of a row and in the row. */
export interface Stretch {
  /** Bytes from the beginning of the chunk's part of the row. */
  readonly from: number;
  /** Bytes from the beginning of the row. */
  readonly to: number;
  readonly bytes: number;
}

/**
 * For each chunk of a row, in the order of the chunks (the last dimension varies fastest): which of its bytes
 * are which of the row's. What a chunk has beyond the data set's edge belongs to nobody.
 */
export function stretchesOf({ itemShape, elementBytes, chunk }: RowLayout): Stretch[][] {
  const inner = (chunk ?? [1, ...itemShape]).slice(1);
  const grid = itemShape.map((n, i) => Math.ceil(n / inner[i]!));
  const chunks = grid.reduce((product, n) => product * n, 1);
  return Array.from({ length: chunks }, (_, k) => {
    const origin = placeIn(grid, k).map((at, i) => at * inner[i]!);
    const extent = itemShape.map((n, i) => Math.min(inner[i]!, n - origin[i]!));
    return stretches({ origin, extent, inner, itemShape, elementBytes });
  });
}

/**
 * For each chunk of a row, in the same order: which bytes of its part of the row are read at once where
 * nothing is filtered. What lies between stretches is read, too.
 */
export const piecesOf = (layout: RowLayout): { readonly from: number; readonly bytes: number }[] =>
  stretchesOf(layout).map((stretches) => {
    const [first, last] = [stretches[0]!, stretches.at(-1)!];
    if (stretches.length === 1) return { from: first.from, bytes: first.bytes };
    return { from: 0, bytes: last.from + last.bytes };
  });

/** Indices of the k-th place of a grid. */
function placeIn(grid: readonly number[], k: number): number[] {
  const place: number[] = [];
  let rest = k;
  for (const n of grid.toReversed()) {
    place.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return place;
}

function stretches(box: {
  readonly origin: readonly number[];
  readonly extent: readonly number[];
  /** Dimensions of the chunk's part of a row, and of the row. */
  readonly inner: readonly number[];
  readonly itemShape: readonly number[];
  readonly elementBytes: number;
}): Stretch[] {
  const { origin, extent, inner, itemShape, elementBytes } = box;
  // Dimensions that are whole in both make one stretch with the one before them.
  let whole = extent.length;
  let bytes = elementBytes;
  while (whole > 0 && isWhole(box, whole)) bytes *= itemShape[--whole]!;
  if (whole > 0) bytes *= extent[--whole]!;
  const lines = extent.slice(0, whole).reduce((product, n) => product * n, 1);
  return Array.from({ length: lines }, (_, line) => {
    const at = placeIn(extent.slice(0, whole), line);
    const places = extent.map((_, i) => at[i] ?? 0);
    return {
      from: offsetIn(inner, places) * elementBytes,
      to:
        offsetIn(
          itemShape,
          places.map((place, i) => place + origin[i]!),
        ) * elementBytes,
      bytes,
    };
  });
}

const isWhole = (
  {
    extent,
    inner,
    itemShape,
  }: {
    readonly extent: readonly number[];
    readonly inner: readonly number[];
    readonly itemShape: readonly number[];
  },
  end: number,
): boolean => extent[end - 1] === inner[end - 1] && extent[end - 1] === itemShape[end - 1];

/** Elements before a place, in C order. */
const offsetIn = (shape: readonly number[], place: readonly number[]): number =>
  shape.reduce((offset, n, i) => offset * n + place[i]!, 0);
