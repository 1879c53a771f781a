import type { MockRun } from "@evb/generate";
import { parseCompression, parseCount, parseShare, parseSize } from "../sizes.ts";
import type { GenerateArguments } from "./generate-options.ts";

const FILES_MAX = 10_000;
const COUNT_MAX = 2 ** 32 - 1;

/** The run that the command line asks for. @throws EvbError "bad-option" */
export function mockRun(argv: GenerateArguments, size: MockRun["size"]): MockRun {
  const gzip = parseCompression(argv.compression ?? "none");
  return {
    directory: argv.dir,
    layout: argv.layout ?? "seed",
    files: parseCount("files", argv.files ?? "10", { min: 1, max: FILES_MAX }),
    size,
    eventBytes: parseSize("event-size", argv.eventSize ?? "1MB"),
    labels: (argv.labels ?? "red,green,blue").split(",").map((label) => label.trim()),
    dropShare: parseShare("drop", argv.drop ?? "0.5"),
    eventsPerChunk: parseCount("events-per-chunk", argv.eventsPerChunk ?? "1", {
      min: 1,
      max: COUNT_MAX,
    }),
    ...(gzip !== undefined && { gzip }),
    seed: parseCount("seed", argv.seed, { min: 0, max: COUNT_MAX }),
    lateShare: parseShare("late", argv.late ?? "0"),
    duplicateShare: parseShare("duplicate", argv.duplicate),
    disorderShare: parseShare("disorder", argv.disorder),
  };
}
