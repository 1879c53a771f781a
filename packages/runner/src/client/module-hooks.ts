import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { LoadHook, ResolveHook } from "node:module";
import { translated } from "./translate.ts";

/** Specifier → address: see analysis-module.ts. */
let ours: Readonly<Record<string, string>> = {};

export function initialize(addresses: Readonly<Record<string, string>>): void {
  ours = addresses;
}

export const resolve: ResolveHook = (specifier, context, next) =>
  next(ours[specifier] ?? specifier, context);

/** Node 20 can't import TypeScript; types are blanked out in memory, so lines and columns stay. */
export const load: LoadHook = async (url, context, next) => {
  if (!/^file:.*\.m?ts$/.test(url) || url.includes("/node_modules/")) return next(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  return { format: "module", shortCircuit: true, source: translated(source, fileURLToPath(url)) };
};
