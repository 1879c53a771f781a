import type { ExtractReport } from "@evb/runner";
import { table } from "./table.ts";
import { bytesText, counted, countText, secondsText } from "./units.ts";

/** More sources than this are not listed one by one; `--json` has them all. */
const SOURCES_SHOWN = 20;

/** What `evb extract` prints. */
export function extractSummary(report: ExtractReport): string {
  const { events, fragments, leftOut, failed, bytes, bytesWritten, seconds, sources, out } = report;
  const shown = sources.slice(0, SOURCES_SHOWN);
  const more = sources.length - shown.length;
  return [
    `${counted(events, "event")} with ${counted(fragments, "fragment")}, ${bytesText(bytes)} in ${secondsText(seconds)}`,
    ...(leftOut === 0
      ? []
      : [
          `${counted(leftOut, "further fragment")} of a source in an event left out: it has one row for each`,
        ]),
    ...(failed === 0 ? [] : [`${counted(failed, "row")} could not be read: status 1`]),
    ...table(
      ["source", ...shown.map(({ source }) => source)].map((name) => `  ${name}`),
      [
        ["rows", "absent", "failed", "stored"],
        ...shown.map((each) => [
          countText(each.rows),
          countText(events - each.rows),
          countText(each.failed),
          bytesText(each.bytesStored),
        ]),
      ],
    ),
    ...(more > 0 ? [`  … and ${countText(more)} more sources (--json lists all)`] : []),
    `${out}, ${bytesText(bytesWritten)}`,
  ].join("\n");
}
