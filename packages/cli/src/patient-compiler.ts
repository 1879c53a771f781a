import { setFlagsFromString } from "node:v8";

/**
 * Four times V8's own: it optimizes what has run so much. Large events make few calls, and a run on as many clients as
 * there are processors has none left for a compiler: with V8's own budget it took a tenth of a run of 8 GB
 * (docs/benchmarks.md). What is called a million times a second is optimized some milliseconds later.
 */
const INTERRUPT_BUDGET = 270_336;
/** Of Node 24: the last one that was seen to know the flag. One that doesn't would say so on stderr. */
const V8_MAX = 13;

/** For commands that work on events. */
export function optimizeLater(): void {
  if (parseInt(process.versions.v8) > V8_MAX) return;
  setFlagsFromString(`--interrupt-budget=${String(INTERRUPT_BUDGET)}`);
}
