import { hostname } from "node:os";
import type { Argv, CommandModule } from "yargs";
import { addressFor, ownAddress, ownAddresses, runCoordinator, type RunOrder } from "@evb/runner";
import { listenOptions, runOptions } from "../common-options.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCount, parseDuration } from "../sizes.ts";
import { log } from "../terminal.ts";
import {
  CLIENTS_MAX,
  networkOf,
  printResult,
  runOrder,
  runWatcher,
  withTimeLimit,
  type NetworkArguments,
  type RunArguments,
} from "./run-parts.ts";

const builder = (yargs: Argv) =>
  yargs
    .positional("index", { type: "string", demandOption: true, describe: "what evb index wrote" })
    .option("clients", { type: "string", default: "1", describe: "clients to wait for" })
    .option("begin-after", {
      type: "string",
      describe: "begin with those that are there after so long (never)",
    })
    .option("logs", {
      type: "string",
      hidden: true,
      describe: "folder of the ranks' logs: the report has the last lines of lost clients",
    })
    .options(runOptions)
    .options(listenOptions)
    .example("$0 coordinator run1.index.h5 -o out --clients 33", "wait for 33 clients, then begin");

interface CoordinatorCommand extends RunArguments, NetworkArguments {
  readonly clients: string;
  readonly beginAfter?: string | undefined;
  readonly logs?: string | undefined;
  readonly listen?: string | undefined;
  readonly advertise?: string | undefined;
}

export const coordinatorCommand: CommandModule<object, CoordinatorCommand> = {
  command: "coordinator <index>",
  describe: "rank 0: hand out batches, take results",
  builder: builder as never,
  handler: async (argv) => {
    const signal = withTimeLimit(interruptSignal(argv), argv.timeLimit);
    const clients = parseCount("clients", argv.clients, { min: 1, max: CLIENTS_MAX });
    const { advertise, beginAfter, logs } = argv;
    const awaited = awaitedClients(clients, beginAfter);
    const order = runOrder(argv, { awaited, return: true });
    const listen = argv.listen ?? (await (advertise ? addressFor(advertise) : ownAddress()));
    const network = await networkOf(argv, listen, (connect, bind) =>
      advertise === undefined ? reachableHosts(connect, bind) : [advertise],
    );
    if (argv.listen === undefined && network.host === LOOPBACK && !argv.quiet)
      log(
        `this host has no address but ${LOOPBACK}: clients must be here, too, or --listen says where`,
      );
    if (argv.insecure) log("--insecure: everybody who reaches these ports can join this run");
    const watcher = runWatcher(argv);
    const result = await runCoordinator(
      logs === undefined ? order : { ...order, lastWords: await lastWordsIn(logs) },
      network,
      {
        ...watcher,
        listening: ({ connectionPath = "none" }) => {
          if (!argv.quiet)
            log(
              `listening on ${network.host}, connection file ${connectionPath}, waiting for ${String(clients)} clients`,
            );
        },
      },
      signal,
    );
    watcher.clear();
    process.exitCode = printResult(result, argv);
  },
};

const LOOPBACK = "127.0.0.1";

/** What reads job files isn't loaded for the logs beside them where there are none. */
async function lastWordsIn(logs: string): Promise<NonNullable<RunOrder["lastWords"]>> {
  const { lastWords } = await import("@evb/launch");
  return (client) => lastWords(logs, client);
}

/** How many are waited for, asked anew each time: after a while for no more than one. */
function awaitedClients(clients: number, beginAfter: string | undefined): () => number {
  const afterMs = beginAfter === undefined ? Infinity : parseDuration("begin-after", beginAfter);
  const since = performance.now();
  return () => (performance.now() - since < afterMs ? clients : 1);
}

/** All addresses of this host if it listens on all; else the one. */
function reachableHosts(host: string, bind: string): string[] {
  if (bind !== "*" && bind !== "0.0.0.0") return [host];
  const addresses = ownAddresses().map(({ address }) => address);
  return [hostname(), ...addresses, "127.0.0.1"];
}
