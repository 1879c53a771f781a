import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { LoadHook, ResolveHook } from "node:module";
import { translated } from "./translate.ts";

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
