/** Nothing in it means something to a shell. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word as a shell takes it back: `'it'\''s'`. */
export const quoted = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

export const quotedAll = (words: readonly string[]): string => words.map(quoted).join(" ");

/** A value in a line of a batch script's head, which takes double quotes and no others. */
export const headValue = (text: string): string =>
  PLAIN.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
