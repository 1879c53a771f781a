import type { RingScanWords } from "./ring-scan.ts";

/** What yargs makes of the options. */
export interface OrderArguments extends RingScanWords {
  readonly input: string[];
  readonly out?: string | undefined;
  readonly stagearea?: string | undefined;
  readonly split?: string | undefined;
  readonly window: string[];
  readonly match: "window" | "gap";
  readonly policy?: "earliest" | "latest" | "average" | undefined;
  readonly maxFragments?: string | undefined;
  readonly sourceId: string;
  readonly like?: "glom" | "offlineevb" | undefined;
  readonly segmentSize?: string | undefined;
  readonly checksum: "sha512" | "none";
  readonly index?: string | undefined;
  readonly clients: string;
  readonly batch?: string | undefined;
  readonly memory: string;
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
  readonly attached: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}
