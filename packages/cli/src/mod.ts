import type { CommandModule } from "yargs";
import type { JobKind } from "@evb/launch";
import { runCommandLine } from "./command-line.ts";
import { namesJob } from "./job-words.ts";

/** Runs one command and ends the process with its code. */
export const main = (words: readonly string[]): Promise<void> => runCommandLine(words, commandsFor);

/** In the order of --help. What another command needs isn't loaded: an order of 500 MB takes half a second. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  generate: async () => (await import("./commands/generate.ts")).generateCommand as CommandModule,
  index: async () => (await import("./commands/index-command.ts")).indexCommand as CommandModule,
  run: async () => (await import("./commands/run.ts")).runCommand as CommandModule,
  order: async () => {
    const [{ orderCommand }] = await Promise.all([
      import("./commands/order.ts"),
      import("./commands/order-run.ts"),
    ]);
    return orderCommand as CommandModule;
  },
  coordinator: async () =>
    (await import("./commands/coordinator.ts")).coordinatorCommand as CommandModule,
  client: async () => (await import("./commands/client.ts")).clientCommand as CommandModule,
  rank: async () => (await import("./commands/rank.ts")).rankCommand as CommandModule,
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand as CommandModule,
  validate: async () => (await import("./commands/validate.ts")).validateCommand as CommandModule,
  extract: async () => (await import("./commands/extract.ts")).extractCommand as CommandModule,
  plan: async () => (await import("./commands/plan.ts")).planCommand as CommandModule,
  submit: async () => (await import("./commands/submit.ts")).submitCommand as CommandModule,
  bench: async () => (await import("./commands/bench.ts")).benchCommand as CommandModule,
};

/** The one that is meant, or all, to say what there is. */
async function commandsFor(words: readonly string[]): Promise<CommandModule[]> {
  if (words[0] === "--version") return [];
  if (namesJob(words)) {
    const { jobCommand } = await import("./commands/job.ts");
    return [jobCommand(words[0] as JobKind) as CommandModule];
  }
  const one = words[0] === undefined ? undefined : COMMANDS[words[0]];
  if (one !== undefined) return [await one()];
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}
