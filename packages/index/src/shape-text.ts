/** What a fragment's dimensions are. */
interface FragmentShape {
  /** None for single numbers, and where it varies. */
  readonly itemShape: readonly number[];
  /** It is a sequence of numbers with a length of its own. */
  readonly varies: boolean;
}

/** In place of a dimension. */
const VARIES = "-1";

/** Dimensions as the index has them. */
export const shapeText = ({ itemShape, varies }: FragmentShape): string =>
  varies ? VARIES : itemShape.join(",");

export function parseShape(text: string): FragmentShape {
  const varies = text === VARIES;
  return { itemShape: varies || text === "" ? [] : text.split(",").map(Number), varies };
}
