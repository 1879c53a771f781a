/** Every error this project throws on purpose. The tag is for programs, the message for people. */
export class EvbError<Tag extends string = string, At = unknown> extends Error {
  override readonly name = "EvbError";
  readonly tag: Tag;
  /** Where it happened: file, row, rank, batch, as the tag's sentence needs it. */
  readonly at: At;
  /** What the process should end with when nothing catches it; see CLI.md, "Exit codes". */
  readonly exitCode: ExitCode;
  constructor(tag: Tag, at: At, message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.tag = tag;
    this.at = at;
    this.exitCode = exitCode;
  }
}

/** 1: the job failed or problems were found. 2: wrong usage. 3: an input can't be read. 4: stopped, resumable. */
export type ExitCode = 1 | 2 | 3 | 4;

/** A sentence saying what, where and what to do next, and the exit code that goes with it. */
type Sentence = readonly [exitCode: ExitCode, say: (at: never) => string];

type Where<Entry> = Entry extends readonly [ExitCode, (at: infer At) => string] ? At : never;

/** Makes the throwing half of a package's error table: one sentence per tag, next to each other. */
export function faults<Table extends Readonly<Record<string, Sentence>>>(sentences: Table) {
  return <Tag extends keyof Table & string>(
    tag: Tag,
    at: Where<Table[Tag]>,
    options?: ErrorOptions,
  ): EvbError<Tag, Where<Table[Tag]>> => {
    const [exitCode, say] = sentences[tag]!;
    return new EvbError(tag, at, (say as (at: unknown) => string)(at), exitCode, options);
  };
}

/** Whether `value` is one of ours and, when tags are given, one of those. */
export function isEvbError<Tag extends string>(
  value: unknown,
  ...tags: Tag[]
): value is EvbError<Tag> {
  if (!(value instanceof EvbError)) return false;
  const tag: unknown = value.tag;
  return tags.length === 0 || tags.some((each) => each === tag);
}

/** The sentence of whatever was thrown, for wrapping where meaning is added. */
export function sentenceOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
