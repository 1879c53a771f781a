/** Of a data set that is no larger than it may become: what the library was asked about it. */
export interface DataSpace {
  /** Elements along each dimension, the slowest first. */
  readonly shape: readonly number[];
  /** The same at most; undefined where there is no limit. */
  readonly maxShape: readonly (number | undefined)[];
  readonly elementBytes: number;
}

/** How many chunks a data set has along each dimension; one that is cut off counts. */
export const gridOf = (shape: readonly number[], chunk: readonly number[]): number[] =>
  shape.map((elements, d) => Math.ceil(elements / chunk[d]!));

export const productOf = (numbers: readonly number[]): number =>
  numbers.reduce((product, n) => product * n, 1);

/**
 * Steps through all chunks of a grid, the last dimension of `order` fastest.
 *
 * @param positionGrid what positions are counted in: the grid that the data set may grow to. Undefined where it may
 *   grow without limit, which only the first of `order` may
 * @param visit gets each chunk's row (in C order of `grid`) and its position (in the order of `order`), which ascends
 */
export function eachChunk(
  {
    grid,
    positionGrid,
    order,
  }: {
    grid: readonly number[];
    positionGrid: readonly (number | undefined)[];
    order: readonly number[];
  },
  visit: (row: number, position: number) => void,
): void {
  const rowSteps = stepsOf(grid, [...grid.keys()]);
  const positionSteps = stepsOf(positionGrid, order);
  const fastestFirst = order.toReversed();
  const at = grid.map(() => 0);
  const count = productOf(grid);
  let row = 0;
  let position = 0;
  for (let visited = 0; visited < count; visited++) {
    visit(row, position);
    for (const d of fastestFirst) {
      row += rowSteps[d]!;
      position += positionSteps[d]!;
      if (++at[d]! < grid[d]!) break;
      row -= at[d]! * rowSteps[d]!;
      position -= at[d]! * positionSteps[d]!;
      at[d] = 0;
    }
  }
}

/** How far apart neighbours along each dimension are. */
function stepsOf(grid: readonly (number | undefined)[], order: readonly number[]): number[] {
  const steps = grid.map(() => 1);
  let step = 1;
  for (const d of order.toReversed()) {
    steps[d] = step;
    step *= grid[d] ?? 1;
  }
  return steps;
}
