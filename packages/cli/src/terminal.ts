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

/** Characters that are handed over at a time. */
const BLOCK_CHARACTERS = 2 ** 16;

/** Prints many lines, and waits where nobody takes them yet. What came before an error is printed. */
export async function printLines(lines: Iterable<string>): Promise<void> {
  let block = "";
  const flush = async (): Promise<void> => {
    const flushed = process.stdout.write(block);
    block = "";
    if (!flushed) await new Promise((resolve) => process.stdout.once("drain", resolve));
  };
  try {
    for (const line of lines) {
      block += `${line}\n`;
      if (block.length >= BLOCK_CHARACTERS) await flush();
    }
  } finally {
    if (block !== "") await flush();
  }
}

let lastLogged = "";

export const log = (sentence: string): void => {
  lastLogged = sentence;
  process.stderr.write(`evb: ${sentence}\n`);
};

/** What was logged last: of a command that fails, the reason. */
export const lastSentence = (): string => lastLogged;

/** `head` has seen enough: no reason for an error. */
export function endWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}
