export { benchSummary, bottleneckSentence } from "./bench-summary.ts";
export { planSummary, type PlanShown } from "./plan-summary.ts";
export { ProgressBar, progressLine, type Terminal } from "./progress-bar.ts";
export { matchSummary, multiplicityLines, runSummary, sourceLines } from "./summaries.ts";
export { bytesText, counted, countText, secondsText } from "./units.ts";
export { orderSummary } from "./order-summary.ts";
export { extractSummary } from "./extract-summary.ts";
