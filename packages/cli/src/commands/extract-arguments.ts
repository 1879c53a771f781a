import type { Output } from "../terminal.ts";

/** What yargs makes of the options. */
export interface ExtractArguments extends Output {
  readonly index: string;
  readonly out: string;
  readonly events?: string | undefined;
  readonly sources?: string | undefined;
  readonly compression: string;
  readonly shuffle: boolean;
  readonly eventsPerChunk?: string | undefined;
  readonly clients?: string | undefined;
  readonly batch?: string | undefined;
  readonly memory: string;
  readonly strict: boolean;
  readonly force: boolean;
  readonly resume: boolean;
  readonly data: string[];
  readonly listen?: string | undefined;
  readonly advertise?: string | undefined;
  readonly ports?: string | undefined;
  readonly connection?: string | undefined;
  readonly insecure: boolean;
  readonly clientTimeout: string;
  readonly timeLimit?: string | undefined;
  readonly trace?: string | undefined;
}
