/** Names to the left, numbers to the right; all rows have as many cells. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...names.map((name) => name.length));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row, i) =>
    [names[i]!.padEnd(width), ...row.map((cell, column) => cell.padStart(widths[column]!))]
      .join("  ")
      .trimEnd(),
  );
}
