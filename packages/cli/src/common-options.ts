import type { Options } from "yargs";

/** Options that mean the same in every command. */
export const common = {
  json: { type: "boolean", default: false, describe: "print JSON alone on stdout" },
  quiet: { type: "boolean", default: false, describe: "no progress, no logs" },
  force: { type: "boolean", default: false, describe: "start anew where the output exists" },
  attached: {
    type: "boolean",
    default: false,
    describe: "stop when stdin ends, as with the process that started it",
  },
  data: {
    type: "string",
    array: true,
    default: [] as string[],
    describe: "where input files lie on this host: DIR or FROM=TO",
  },
} as const satisfies Record<string, Options>;

/** Options of `run` and `client`. */
export const readOptions = {
  "read-ahead": {
    type: "string",
    describe: "reads at once where reading waits (finds out); 0: none",
  },
  "decode-threads": {
    type: "string",
    describe: "threads of a client that decode chunks (idle cores)",
  },
  memory: {
    type: "string",
    describe: "of each client, for events handed out (1GiB), read ahead (16MiB)",
  },
} as const satisfies Record<string, Options>;

/** Options of `run` and `coordinator`. */
export const runOptions = {
  out: { alias: "o", type: "string", demandOption: true, describe: "folder for the results" },
  force: common.force,
  resume: {
    type: "boolean",
    default: false,
    describe: "go on with the run in OUT, where it ended",
  },
  data: common.data,
  analysis: {
    type: "string",
    default: "stats",
    describe: "read, stats, wait, none, or a .js or .ts module",
  },
  set: {
    type: "string",
    array: true,
    default: [] as string[],
    describe: "name=value for the analysis",
  },
  events: { type: "string", describe: "A:B: only events A to B - 1" },
  sources: { type: "string", describe: "glob: read these sources only" },
  batch: { type: "string", describe: "the most events of a batch (evb chooses)" },
  strict: { type: "boolean", default: false, describe: "the first failed event ends the run" },
  "event-timeout": { type: "string", describe: "an event that takes longer fails (off)" },
  "client-timeout": { type: "string", default: "5m", describe: "end without a client for so long" },
  "time-limit": { type: "string", describe: "stop after so long, exit 4" },
  trace: { type: "string", describe: "file for what the coordinator does, as JSON lines" },
  attached: common.attached,
  json: common.json,
  quiet: common.quiet,
} as const satisfies Record<string, Options>;

/** Where a coordinator listens. */
export const listenOptions = {
  listen: { type: "string", describe: "HOST[:PORT] to listen on" },
  advertise: { type: "string", describe: "host by which clients reach the coordinator" },
  ports: { type: "string", describe: "LOW-HIGH: use these ports only" },
  connection: { type: "string", describe: "connection file (OUT/connection.json)" },
  insecure: { type: "boolean", default: false, describe: "no keys: everybody may join" },
} as const satisfies Record<string, Options>;
