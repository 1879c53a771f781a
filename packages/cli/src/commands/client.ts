import type { Argv, CommandModule, Options } from "yargs";
import { parseDataPlace } from "@evb/index";
import { analysisOrder, joinRun } from "@evb/runner";
import { common, readOptions } from "../common-options.ts";
import { interruptSignal } from "../interrupts.ts";
import { plainArguments } from "../plain-arguments.ts";
import { parseDuration } from "../sizes.ts";
import { print } from "../terminal.ts";
import { EVB_VERSION } from "../version.ts";
import { clientLine, parseEventTimeout, parseReading, type ReadWords } from "./run-parts.ts";

const options = {
  data: common.data,
  out: {
    alias: "o",
    type: "string",
    describe: "the only folder that it writes in (order, extract)",
  },
  wait: { type: "string", default: "60s", describe: "wait so long for the coordinator" },
  analysis: {
    type: "string",
    describe: "run this analysis only, whatever the coordinator names",
  },
  "event-timeout": { type: "string", describe: "as the coordinator's, for this client" },
  "client-timeout": {
    type: "string",
    default: "5m",
    describe: "end when the coordinator is lost for so long",
  },
  ...readOptions,
  attached: common.attached,
  quiet: common.quiet,
} as const satisfies Record<string, Options>;

const builder = (yargs: Argv) =>
  yargs
    .positional("connection", {
      type: "string",
      demandOption: true,
      describe: "the coordinator's connection file",
    })
    .options(options)
    .example("$0 client out/connection.json", "join the run and work until its end");

interface ClientCommand extends ReadWords {
  readonly connection: string;
  readonly data: string[];
  readonly out?: string | undefined;
  readonly wait: string;
  readonly analysis?: string | undefined;
  readonly eventTimeout?: string | undefined;
  readonly clientTimeout: string;
  readonly attached: boolean;
  readonly quiet: boolean;
}

/** Runs the client of words that need no yargs; undefined where they do. */
export function plainClient(words: readonly string[]): Promise<void> | undefined {
  const argv = plainArguments(words.slice(1), { positional: "connection", options });
  return argv && runClient(argv as unknown as ClientCommand);
}

export const clientCommand: CommandModule<object, ClientCommand> = {
  command: "client <connection>",
  describe: "rank 1..N: read events, analyse them, publish results",
  builder: builder as never,
  handler: runClient,
};

async function runClient(argv: ClientCommand): Promise<void> {
  const { analysis, eventTimeout } = argv;
  const signal = interruptSignal(argv);
  const outcome = await joinRun(
    argv.connection,
    {
      places: argv.data.map(parseDataPlace),
      out: argv.out,
      waitMs: parseDuration("wait", argv.wait),
      coordinatorTimeoutMs: parseDuration("client-timeout", argv.clientTimeout),
      eventTimeoutMs: parseEventTimeout(eventTimeout),
      analysis: analysis === undefined ? undefined : analysisOrder(analysis, {}).name,
      // As many clients may be here as there are cores: nobody but the user knows how many decode.
      ...parseReading(argv),
      evbVersion: EVB_VERSION,
    },
    signal,
  );
  if (outcome === undefined || argv.quiet) return;
  print(clientLine(outcome.rank, outcome.events, outcome.times));
}
