import yargs from "yargs";
import { isEvbError, sentenceOf } from "@evb/event";
import { clientCommand } from "./commands/client.ts";
import { coordinatorCommand } from "./commands/coordinator.ts";
import { generateCommand } from "./commands/generate.ts";
import { indexCommand } from "./commands/index-command.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { runCommand } from "./commands/run.ts";
import { fault } from "./faults.ts";
import { endWhenNobodyReads, log } from "./terminal.ts";
import { EVB_VERSION } from "./version.ts";

/** The terminals of counting rooms have 80 columns. */
const COLUMNS = 80;

/** Runs one command and ends the process with its code. */
export async function main(words: readonly string[]): Promise<void> {
  endWhenNobodyReads();
  process.exitCode = 0;
  try {
    await parser(words).parseAsync();
  } catch (thrown) {
    process.exitCode = report(thrown);
  }
  // Sockets that linger and streams that drain are waited for; anything else that is left is not.
  process.stdout.write("", () => process.exit());
}

function parser(words: readonly string[]) {
  return yargs([...words])
    .scriptName("evb")
    .usage(
      "$0 <command>\n\nThe offline event builder: find the pieces of each event in all files of a\nrun, and work on the events with many processes.",
    )
    .command(generateCommand)
    .command(indexCommand)
    .command(runCommand)
    .command(coordinatorCommand)
    .command(clientCommand)
    .command(inspectCommand)
    .demandCommand(1, "no command was given")
    .strict()
    .parserConfiguration({ "duplicate-arguments-array": false, "greedy-arrays": false })
    .version(EVB_VERSION)
    .help()
    .wrap(COLUMNS)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? usage(message ?? "the command is not understood", words);
    });
}

/** yargs' sentences begin with a capital and end without a next step. */
function usage(message: string, words: readonly string[]): Error {
  const command = words[0] !== undefined && /^[a-z]+$/.test(words[0]) ? `evb ${words[0]}` : "evb";
  const [first = ""] = message.split("\n");
  return fault("usage", { reason: first.charAt(0).toLowerCase() + first.slice(1), command });
}

function report(thrown: unknown): number {
  if (isEvbError(thrown)) {
    log(thrown.message);
    return thrown.exitCode;
  }
  log(
    `${sentenceOf(thrown)}; this is a defect of evb ${EVB_VERSION}: please report it with what you typed`,
  );
  return 1;
}
