import type { Options } from "yargs";

/** What is known of a command's words: its options by name, and its one positional argument. */
export interface PlainCommand {
  readonly positional: string;
  readonly options: Readonly<Record<string, Options>>;
}

/**
 * What yargs would make of the words of a command, if each is an option by its own name, a value, or the one
 * positional argument; undefined where anything else is among them, which is yargs' to understand or to refuse. To
 * load yargs and have it parse takes a fifteenth of a client's start.
 */
export function plainArguments(
  words: readonly string[],
  { positional, options }: PlainCommand,
): Record<string, unknown> | undefined {
  const argv: Record<string, unknown> = {};
  for (const [name, { default: value }] of Object.entries(options))
    if (value !== undefined) argv[camel(name)] = Array.isArray(value) ? [] : value;
  const seen = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const name = word.startsWith("--") ? word.slice(2) : positional;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (word.startsWith("-") ? option === undefined : name !== positional) return undefined;
    if (option?.array !== true && seen.has(name)) return undefined;
    seen.add(name);
    if (option?.type === "boolean") {
      if (["true", "false"].includes(words[at + 1]!)) return undefined;
      argv[camel(name)] = true;
      continue;
    }
    const value = option === undefined ? word : words[++at];
    if (value === undefined || !/^[^-"']/.test(value)) return undefined;
    if (option?.array === true) (argv[camel(name)] as string[]).push(value);
    else argv[camel(name)] = value;
  }
  return seen.has(positional) ? argv : undefined;
}

const camel = (name: string): string =>
  name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
