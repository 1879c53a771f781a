import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { LoadHook, ResolveHook } from "node:module";
import swc from "@swc/wasm-typescript";

/** Where evb itself is, so that `import … from "evb/analysis"` works from anywhere on disk. */
let evb = import.meta.url;

export function initialize(data: { evb: string }): void {
  evb = data.evb;
}

const OURS: Readonly<Record<string, string>> = {
  "evb/analysis": "@evb/analysis",
  "evb/event": "@evb/event",
};

export const resolve: ResolveHook = (specifier, context, next) => {
  const ours = OURS[specifier];
  return ours === undefined ? next(specifier, context) : next(ours, { ...context, parentURL: evb });
};

/** Node 20 can't import TypeScript; types are blanked out in memory, so lines and columns stay. */
export const load: LoadHook = async (url, context, next) => {
  if (!/^file:.*\.m?ts$/.test(url) || url.includes("/node_modules/")) return next(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  return { format: "module", shortCircuit: true, source: translated(source, fileURLToPath(url)) };
};

/** Enums and the like can't be blanked out: those files are rewritten, with a source map. */
function translated(source: string, filename: string): string {
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
