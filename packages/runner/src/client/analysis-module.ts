import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { register } from "node:module";
import { hostname } from "node:os";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { BUILT_IN_NAMES, builtInAnalysis, optionsOf, type Analysis } from "@evb/analysis";
import { sentenceOf } from "@evb/event";
import { builtUrl } from "@evb/formats";
import { fault } from "../faults.ts";
import type { AnalysisOrder } from "../wire/join.ts";

const EXTENSIONS = [".ts", ".mts", ".js", ".mjs"];

/**
 * What a user meant by `--analysis`: a built-in name, or a module anywhere on disk.
 *
 * @param settings what `--set` said, name → text
 * @throws EvbError "analysis-not-found"; of a built-in, "analysis-option-unknown", "analysis-option-value"
 */
export function analysisOrder(
  name: string,
  settings: Readonly<Record<string, string>>,
): AnalysisOrder {
  const builtIn = builtInAnalysis(name);
  if (builtIn !== undefined) {
    optionsOf(name, builtIn, settings);
    return { name, sha256: undefined, settings };
  }
  const path = resolve(name);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  if (!isFile || !EXTENSIONS.includes(extname(path)))
    throw fault("analysis-not-found", { analysis: name, builtIn: BUILT_IN_NAMES });
  return { name: path, sha256: sha256Of(path), settings };
}

/**
 * Loads what the coordinator ordered.
 *
 * @throws EvbError "analysis-differs" where this host has no such file or another one, "analysis-not-loaded"
 */
export async function loadAnalysis(order: AnalysisOrder): Promise<Analysis> {
  const builtIn = builtInAnalysis(order.name);
  if (order.sha256 === undefined && builtIn !== undefined) return builtIn;
  checkModule(order);
  const loaded = (await importModule(order.name)) as { default?: Partial<Analysis> };
  if (typeof loaded.default?.setup !== "function") {
    const reason =
      "its default export has no setup(); write `export default defineAnalysis({ setup … })`";
    throw fault("analysis-not-loaded", { path: order.name, reason });
  }
  return loaded.default as Analysis;
}

function checkModule({ name, sha256 }: AnalysisOrder): void {
  const at = { path: name, host: hostname() };
  if (!existsSync(name)) throw fault("analysis-differs", { ...at, reason: "is not there" });
  if (sha256Of(name) !== sha256)
    throw fault("analysis-differs", { ...at, reason: "is not the file that the coordinator has" });
}

const sha256Of = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

const ours = (name: `./${string}.js`): string => builtUrl({ name, from: import.meta.url }).href;

/** What `import … from "evb/analysis"` means, from anywhere on disk: the very modules that this program runs. */
const OURS = {
  "evb/analysis": ours("./evb-analysis.js"),
  "evb/event": ours("./evb-event.js"),
};

let hooked = false;

async function importModule(path: string): Promise<unknown> {
  if (!hooked) {
    hooked = true;
    process.setSourceMapsEnabled(true);
    register(ours("./module-hooks.js"), { data: OURS });
  }
  try {
    return await import(pathToFileURL(path).href);
  } catch (thrown) {
    const reason = (await syntaxError(thrown, path)) ?? withPlace(thrown, path);
    throw fault("analysis-not-loaded", { path, reason }, { cause: thrown });
  }
}

/** Node keeps the line of a syntax error to itself; the translator, which reads JavaScript as well, says it. */
async function syntaxError(thrown: unknown, path: string): Promise<string | undefined> {
  if (!(thrown instanceof SyntaxError) || placeIn(thrown, path) !== undefined) return undefined;
  const { translated } = await import("./translate.ts");
  try {
    translated(readFileSync(path, "utf8"), path);
    return undefined;
  } catch (found) {
    return sentenceOf(found).replaceAll(/\s+/g, " ");
  }
}

/** The first line of what was thrown, and where in the user's file: `no peak found (mine.ts:12)`. */
export function withPlace(thrown: unknown, path: string): string {
  const sentence = sentenceOf(thrown).split("\n")[0]!;
  const where = placeIn(thrown, path);
  return where === undefined ? sentence : `${sentence} (${where})`;
}

function placeIn(thrown: unknown, path: string): string | undefined {
  // A built-in has no file; a module's frames name the file itself, not a link to it.
  if (!existsSync(path)) return undefined;
  const real = realpathSync(path);
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  const lines = [pathToFileURL(real).href, real].flatMap((name) => {
    const at = stack.indexOf(`${name}:`);
    return at < 0 ? [] : [{ at, line: parseInt(stack.slice(at + name.length + 1), 10) }];
  });
  const [first] = lines.sort((a, b) => a.at - b.at);
  return first && `${basename(path)}:${String(first.line)}`;
}
