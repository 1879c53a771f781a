/** What a command prints: results to stdout, progress and logs to stderr. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** One JSON value on a line of its own; u64 as decimal strings. */
export function printJson(value: unknown): void {
  print(
    JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)),
  );
}

export const log = (sentence: string): void => {
  process.stderr.write(`evb: ${sentence}\n`);
};

/** `head` has seen enough: no reason for an error. */
export function endWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}
