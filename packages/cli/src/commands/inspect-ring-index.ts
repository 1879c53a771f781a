import { readRingIndex, type RingIndex } from "@evb/index";
import { bytesText, counted, countText } from "@evb/watch";
import { alignColumns, wrapList } from "../columns.ts";
import { print, printJson } from "../terminal.ts";
import { showWindows, type WindowWords } from "./inspect-windows.ts";

/**
 * Shows what `evb order --index` kept, or which events windows would give: the data need not be there.
 *
 * @throws EvbError "ring-index-version", "ring-index-damaged"
 */
export async function inspectRingIndex(
  path: string,
  words: WindowWords,
  asksWindows: boolean,
): Promise<void> {
  const index = await readRingIndex(path);
  if (asksWindows) await showWindows(index.run, words);
  else if (words.json) printJson(jsonOf(index));
  else for (const line of textOf(index)) print(line);
}

function jsonOf({ evb, root, files, options, run }: RingIndex): object {
  const { number, itemsIn, builtEvents, fragments, backwardSteps, sources, warnings } = run;
  return {
    evb,
    root,
    files: files.map(({ path, sizeBytes, mtimeNs, ends }) => ({
      path,
      size: sizeBytes,
      mtime: String(mtimeNs),
      fingerprint: ends,
    })),
    options,
    run: number,
    items: itemsIn,
    builtEvents,
    fragments,
    backwardSteps,
    sources,
    warnings,
  };
}

function* textOf({ evb, root, files, options, run }: RingIndex): Generator<string> {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  yield `ring index of run ${String(run.number)}, made by evb ${evb}: ${counted(files.length, "file")}, ${bytesText(bytes)}`;
  yield* wrapList(
    `below ${root}:`,
    files.map(({ path }) => path),
    "  ",
  );
  yield* wrapList(
    "options:",
    Object.entries(options).map(([name, value]) => `${name} ${value.replaceAll("\n", " ")}`),
    "  ",
  );
  yield `${counted(run.itemsIn, "item")}, ${counted(run.builtEvents, "built event")}, ${counted(run.fragments, "fragment")}, ${counted(run.backwardSteps, "backward step")}`;
  yield* alignColumns([
    ["source", "fragments", "run items", "late", "first time", "last time"],
    ...run.sources.map(({ source, fragments, runItems, late, first, last }) => [
      String(source),
      ...[fragments, runItems, late].map(countText),
      String(first),
      String(last),
    ]),
  ]);
  for (const warning of run.warnings) yield `note: ${warning}`;
  yield "--windows shows which events windows would give";
}
