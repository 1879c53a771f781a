import swc from "@swc/wasm-typescript";

/**
 * TypeScript as JavaScript: types are blanked out, so that lines and columns stay. Enums and the like
 * can't be: those files are rewritten, with a source map.
 *
 * @throws SyntaxError with the line
 */
export function translated(source: string, filename: string): string {
  try {
    return swc.transformSync(source, { mode: "strip-only", filename }).code;
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== "UnsupportedSyntax")
      throw readable(thrown, filename);
  }
  const { code, map } = swc.transformSync(source, { mode: "transform", sourceMap: true, filename });
  const inline = Buffer.from(map ?? "").toString("base64");
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`;
}

/** The translator's errors are plain objects: what it found, and the line. */
function readable(thrown: unknown, filename: string): Error {
  const { message, startLine } = thrown as { message?: string; startLine?: number };
  const line = startLine === undefined ? "" : ` in line ${String(startLine)} of ${filename}`;
  return new SyntaxError(`${message ?? "it is no TypeScript"}${line}`);
}
