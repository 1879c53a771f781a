import type { CommandModule } from "yargs";
import { runCommandLine } from "./command-line.ts";
import { clientCommand, plainClient } from "./commands/client.ts";

/**
 * `evb client` and nothing else, a file of its own in the bundle: clients are started by the thousand, and
 * compile no more than they run.
 */
export const main = (words: readonly string[]): Promise<void> =>
  runCommandLine(words, () => Promise.resolve([clientCommand as CommandModule]), plainClient);
