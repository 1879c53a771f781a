import type { Argv, CommandModule } from "yargs";
import { isEvbError, sentenceOf } from "@evb/event";
import { keepCompiled } from "./compile-cache.ts";
import { fault } from "./faults.ts";
import type { LastWords } from "./job-child.ts";
import { optimizeLater } from "./patient-compiler.ts";
import { PIPE } from "./pipe.ts";
import { endWhenNobodyReads, lastSentence, log } from "./terminal.ts";
import { EVB_VERSION } from "./version.ts";

/** The terminals of counting rooms have 80 columns. */
const COLUMNS = 80;

/**
 * Runs one command and ends the process with its code.
 *
 * @param commandsFor the one that is meant, or all, to say what there is
 * @param plainly runs the command where its words need no yargs, else returns undefined
 */
export async function runCommandLine(
  words: readonly string[],
  commandsFor: (words: readonly string[]) => Promise<CommandModule[]>,
  plainly: (words: readonly string[]) => Promise<void> | undefined = () => undefined,
): Promise<void> {
  keepCompiled();
  if (WORK_ON_EVENTS.includes(words[0] ?? "")) optimizeLater();
  endWhenNobodyReads();
  process.exitCode = 0;
  try {
    const running = plainly(words);
    if (running === undefined) {
      // Both at once: each is a hundred small files.
      const loaded = await Promise.all([import("yargs"), commandsFor(words)]);
      const [{ default: yargs }, commands] = loaded;
      await quickly(parser(yargs, words, commands)).parseAsync();
    } else await running;
  } catch (thrown) {
    process.exitCode = report(thrown);
  }
  await tellStarter();
  // Sockets that linger and streams that drain are waited for; anything else that is left is not.
  process.stdout.write("", () => process.exit());
}

/** A job that started this process says at its end why a run of it failed. */
async function tellStarter(): Promise<void> {
  if (process.exitCode === 0 || process.send === undefined || !process.connected) return;
  const said: LastWords = { lastWords: lastSentence() };
  await new Promise((resolve) => process.send!(said, undefined, undefined, resolve));
}

const WORK_ON_EVENTS = ["run", "coordinator", "client"];

function parser(
  yargs: typeof import("yargs").default,
  words: readonly string[],
  commands: readonly CommandModule[],
) {
  return (
    yargs(words.map((word) => (word === "-" ? PIPE : word)))
      .scriptName("evb")
      .usage(
        "$0 <command>\n\nThe offline event builder: find the pieces of each event in all files of a\nrun, and work on the events with many processes.",
      )
      .command([...commands])
      .demandCommand(1, "no command was given")
      .strict()
      .parserConfiguration({ "greedy-arrays": false })
      .middleware((argv) => {
        checkValues(argv, words);
      }, true)
      .version(EVB_VERSION)
      .help()
      // yargs would read the words of the user's language, for half of the help.
      .locale("en")
      .wrap(COLUMNS)
      .exitProcess(false)
      .fail((message: string | null, error: Error | undefined) => {
        throw error ?? usage(message ?? "the command is not understood", words);
      })
  );
}

/**
 * Without the help text that yargs makes of every command that runs, for a failure that never shows it
 * here: it takes 35 ms.
 */
function quickly(parser: Argv): Argv {
  const inner = parser as Partial<WithUsage>;
  const usage = inner.getInternalMethods?.().getUsageInstance();
  if (usage !== undefined) usage.cacheHelpMessage = () => undefined;
  return parser;
}

interface WithUsage {
  getInternalMethods(): { getUsageInstance(): { cacheHelpMessage: () => void } };
}

/** Options and arguments that may be repeated. */
const REPEATABLE = ["_", "input", "data", "set", "file", "against", "window", "headerless"];

/** An option without its value isn't taken for its default; of two values for one option neither is taken in silence. */
function checkValues(argv: Readonly<Record<string, unknown>>, words: readonly string[]): void {
  for (const [i, word] of words.entries()) {
    const name = /^--?([a-z][a-z-]*)$/.exec(word)?.[1];
    if (name === undefined || !(name in argv) || typeof argv[name] === "boolean") continue;
    const value = words[i + 1];
    if (value === undefined || value === "" || /^--[a-z]/.test(value))
      throw usage(`${word} needs a value`, words);
  }
  for (const [name, value] of Object.entries(argv))
    if (Array.isArray(value) && !REPEATABLE.includes(name))
      throw usage(`${name.length > 1 ? "--" : "-"}${name} was given more than once`, words);
}

/** yargs' sentences begin with a capital and end without a next step. */
function usage(message: string, words: readonly string[]): Error {
  const command = words[0] !== undefined && /^[a-z]+$/.test(words[0]) ? `evb ${words[0]}` : "evb";
  if (message === `Unknown argument: ${words[0] ?? ""}`)
    return fault("usage", { reason: `there is no command ${words[0]!}`, command: "evb" });
  const line = onceEach(message.replaceAll(/\s*\n\s*/g, " "));
  return fault("usage", { reason: line.charAt(0).toLowerCase() + line.slice(1), command });
}

/** An option of several words is named in both of its spellings, as if there were two. */
function onceEach(message: string): string {
  const names = /^Unknown arguments: (.+)$/.exec(message)?.[1]?.split(", ");
  if (names === undefined) return message;
  const camel = (name: string): string =>
    name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const twins = new Set(names.filter((name) => name.includes("-")).map(camel));
  const typed = names.filter((name) => !twins.has(name));
  return `Unknown argument${typed.length > 1 ? "s" : ""}: ${typed.join(", ")}`;
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
