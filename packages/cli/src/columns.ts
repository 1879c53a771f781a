/** The terminals of counting rooms have 80 columns. */
export const COLUMNS = 80;

/** Rows of cells as lines, cells flush right; all rows have as many. The first row is the heading. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]!.length)),
  );
  return rows.map((cells) =>
    cells.map((cell, column) => cell.padStart(widths[column]!)).join("  "),
  );
}

/** Words joined by commas, in lines that end before the terminal does; lines but the first are indented. */
export function wrapList(start: string, words: readonly string[], indent: string): string[] {
  const commas = words.map((word, i) => (i === words.length - 1 ? word : `${word},`));
  return wrap(start, commas, { indent, lineEnd: "" });
}

/** A command line to be typed, with backslashes where it is broken. */
export const wrapCommand = (start: string, words: readonly string[]): string[] =>
  wrap(start, words, { indent: "    ", lineEnd: " \\" });

function wrap(
  start: string,
  words: readonly string[],
  { indent, lineEnd }: { readonly indent: string; readonly lineEnd: string },
): string[] {
  const lines = [start];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line.length + 1 + word.length + lineEnd.length <= COLUMNS)
      lines[lines.length - 1] = `${line} ${word}`;
    else {
      lines[lines.length - 1] = `${line}${lineEnd}`;
      lines.push(`${indent}${word}`);
    }
  }
  return lines;
}
