import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./system.ts";

/** A block of a page that is typed as it stands, and the lines that it prints, among others, in this order. */
export interface PageStep {
  readonly typed: string;
  readonly printed: readonly string[];
}

/** The blocks `sh` of a page in docs/launching, each with the block `text` that follows it, if one does. */
export function pageSteps(page: string): PageStep[] {
  const text = readFileSync(join(ROOT, "docs/launching", page), "utf8");
  const steps: { typed: string; printed: string[] }[] = [];
  for (const [, language, body = ""] of text.matchAll(/^```(sh|text)\n([^]*?)^```$/gm))
    if (language === "sh") steps.push({ typed: body, printed: [] });
    else steps.at(-1)?.printed.push(...body.trimEnd().split("\n"));
  return steps;
}

/** Stands behind what each step printed. */
const MARK = "--- end of step ---";

/** One script for all steps: what one of them sets holds in the next, and the first that fails ends it. */
export const pageScript = (steps: readonly PageStep[]): string =>
  ["set -eu", ...steps.map(({ typed }) => `${typed}echo '${MARK}'`)].join("\n");

/** Lines of a page that weren't printed where they stand, but for numbers and spaces. */
export function notPrinted(steps: readonly PageStep[], output: string): string[] {
  const parts = output.split(`${MARK}\n`);
  return steps.flatMap(({ printed }, i) => {
    const lines = (parts[i] ?? "").split("\n").map(withoutNumbers);
    let at = 0;
    return printed.filter((line) => {
      const found = lines.indexOf(withoutNumbers(line), at);
      if (found >= 0) at = found + 1;
      return found < 0;
    });
  });
}

/** `4 files in 1.57 s` and `4 files in 98 ms` say the same; versions of evb and data types are compared. */
const withoutNumbers = (line: string): string =>
  line
    .replaceAll(/\b[0-9a-f]{64}\b/g, "#")
    .replaceAll(/(?<![\w<.])\d[\d,]*(\.\d+)?( ?(ms|s|kB|MB|GB))?\b(?!\.\d)/g, "#")
    .replaceAll(/\s+/g, " ")
    .trim();
