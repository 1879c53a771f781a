import type { Argv, CommandModule } from "yargs";
import { planEvents, planTotals, RunIndex, withSources, type SourcePlan } from "@evb/index";
import { eventRange } from "@evb/runner";
import { planSummary, type PlanShown } from "@evb/watch";
import { common } from "../common-options.ts";
import { parseRate } from "../sizes.ts";
import { print, printJson } from "../terminal.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("index", { type: "string", demandOption: true, describe: "what evb index wrote" })
    .option("events", { type: "string", describe: "A:B: only events A to B - 1" })
    .option("sources", { type: "string", describe: "glob: these sources only" })
    .option("rate", { type: "string", describe: "bytes a second from the files, such as 5GB/s" })
    .option("json", common.json)
    .example("$0 plan run1.index.h5", "bytes needed, bytes to read, by source")
    .example("$0 plan run1.index.h5 --rate 5GB/s", "how long reading takes at that rate")
    .example("$0 plan run1.index.h5 --sources 'cam*' --events 0:1000", "of a part");

export const planCommand: CommandModule<object, Awaited<ReturnType<typeof builder>["argv"]>> = {
  command: "plan <index>",
  describe: "bytes needed against bytes to read, from the index alone",
  builder: builder,
  handler: async (argv) => {
    const rateBytes = argv.rate === undefined ? undefined : parseRate("rate", argv.rate);
    const index = await RunIndex.open(argv.index);
    try {
      const range = eventRange(argv.events, index.eventCount);
      const events = argv.sources === undefined ? index : withSources(index, argv.sources);
      const plan = planEvents(events, range, index.fragmentCount);
      const reasons = index.report.sources.flatMap(({ source, library }) =>
        library === null ? [] : [[source, library] as const],
      );
      const shown = { plan, library: new Map(reasons), rateBytes };
      if (argv.json) printJson(planReport(shown));
      else print(planSummary(shown));
    } finally {
      index.close();
    }
  },
};

/** What isn't known is null. */
function planReport({ plan, library, rateBytes }: PlanShown): object {
  const totals = planTotals(plan);
  const isKnown = totals.unknownSources === 0;
  const bytesToRead = isKnown ? totals.bytesRead : null;
  return {
    events: plan.events,
    fragments: plan.fragments,
    bytesNeeded: plan.bytesNeeded ?? null,
    bytesToRead,
    bytesUnpacked: isKnown ? totals.bytesUnpacked : null,
    amplification: isKnown ? ratio(totals.bytesUnpacked, plan.bytesNeeded) : null,
    reads: isKnown ? totals.reads : null,
    rate: rateBytes ?? null,
    seconds: bytesToRead === null || rateBytes === undefined ? null : bytesToRead / rateBytes,
    sources: plan.sources.map((source) => ({
      ...sourceReport(source),
      library: library.get(source.source) ?? null,
    })),
  };
}

function sourceReport({ source, fragments, bytesNeeded, reading }: SourcePlan): object {
  const chunks = reading?.chunks;
  const better = chunks?.better;
  return {
    source,
    fragments,
    bytesNeeded: bytesNeeded ?? null,
    bytesToRead: reading?.bytesRead ?? null,
    bytesUnpacked: reading?.bytesUnpacked ?? null,
    amplification: reading === undefined ? null : ratio(reading.bytesUnpacked, bytesNeeded),
    reads: reading?.reads ?? null,
    filters: reading?.filters ?? null,
    eventsPerChunk: chunks?.eventsPerChunk ?? null,
    chunks: chunks?.count ?? null,
    decodes: chunks?.decodes ?? null,
    better:
      better === undefined
        ? null
        : {
            eventsPerChunk: better.eventsPerChunk,
            bytesUnpacked: better.bytesUnpacked,
            amplification: ratio(better.bytesUnpacked, bytesNeeded),
          },
  };
}

/** Of nothing that is needed there is none. */
const ratio = (bytes: number, needed = 0): number | null => (needed === 0 ? null : bytes / needed);
