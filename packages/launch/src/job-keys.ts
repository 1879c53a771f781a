import { LAYOUTS } from "@evb/index";

export type JobKind = "run" | "order" | "generate";

/** Whose option a key is. `both`: of `evb run` and `coordinator`; `reader`: of `evb run` and `client`. */
export type KeyOwner =
  "index" | "both" | "coordinator" | "client" | "reader" | "order" | "generate";

/** What may stand behind a key, and how it becomes words of a command. */
export type KeyValue =
  | { readonly kind: "text" }
  /** One text, or a list of them: the option is given for each. */
  | { readonly kind: "texts" }
  /** A path, of a job file's own folder if it is relative. */
  | { readonly kind: "path" }
  /** DIR or FROM=TO, paths all of them. */
  | { readonly kind: "places" }
  | { readonly kind: "flag" }
  | { readonly kind: "settings" }
  /** A built-in name, or the path of a module. */
  | { readonly kind: "analysis" }
  | { readonly kind: "choice"; readonly of: readonly string[] };

export interface JobKey {
  readonly value: KeyValue;
  readonly describe: string;
  readonly owners: readonly KeyOwner[];
  /** Where the key isn't the option's own long name. */
  readonly option?: string;
}

const TEXT: KeyValue = { kind: "text" };
const TEXTS: KeyValue = { kind: "texts" };
const PATH: KeyValue = { kind: "path" };
const FLAG: KeyValue = { kind: "flag" };
const choice = (...of: string[]): KeyValue => ({ kind: "choice", of });

type Row = readonly [value: KeyValue, describe: string];
type Table = Readonly<Record<string, Row>>;

/** @param owners of every key of the table */
const keysOf = (table: Table, ...owners: KeyOwner[]): [string, JobKey][] =>
  Object.entries(table).map(([name, [value, describe]]) => [name, { value, describe, owners }]);

/** How ring items are to be understood, by `evb index` and `evb order`. */
const RING_SCAN: Table = {
  depth: [TEXT, "event-builder levels to open (all)"],
  run: [TEXT, "all inputs are one run of this number"],
  "timestamp-at": [TEXT, "OFFSET:u64le: stamp in bodies of events without header"],
  headerless: [TEXTS, "which source items without body header are of"],
  salvage: [FLAG, "go on behind damage, and list what is skipped"],
};

const INDEX: Table = {
  layout: [choice(...LAYOUTS), "how the files are laid out (found by itself)"],
  match: [choice("exact", "window", "gap", "nearest"), "how fragments become events (exact)"],
  window: [TEXT, "ticks or 110ns from the first fragment; gap: from the last"],
  reference: [TEXT, "nearest to this source (the one with most fragments)"],
  require: [TEXT, "any, all, or K sources (any)"],
  select: [TEXT, "labels that an event's time must have"],
  all: [FLAG, "every event, whatever its labels"],
  ...RING_SCAN,
};

/** Of `evb run` and `coordinator`. */
const RUN: Table = {
  analysis: [{ kind: "analysis" }, "read, stats, wait, none, or a .js or .ts module (stats)"],
  set: [{ kind: "settings" }, "settings of the analysis: name: value"],
  events: [TEXT, "A:B: only events A to B - 1"],
  sources: [TEXT, "glob: read these sources only"],
  batch: [TEXT, "the most events of a batch (evb chooses)"],
  strict: [FLAG, "the first failed event ends the run"],
  "time-limit": [TEXT, "stop after so long, exit 4"],
  trace: [PATH, "file for what the coordinator does, as JSON lines"],
};

/** Of clients, too. */
const RUN_AND_CLIENT: Table = {
  data: [{ kind: "places" }, "where input files lie on this host: DIR or FROM=TO"],
  "event-timeout": [TEXT, "an event that takes longer fails (off)"],
  "client-timeout": [TEXT, "end without the other side for so long (5m)"],
};

const READER: Table = {
  "read-ahead": [TEXT, "reads at once where reading waits (finds out); 0: none"],
  "decode-threads": [TEXT, "threads of a client that decode chunks (idle cores)"],
  memory: [TEXT, "of each client, for events handed out (1GiB), read ahead (16MiB)"],
};

const CLIENT: Table = { wait: [TEXT, "wait so long for the coordinator (60s)"] };

/** Where a coordinator listens; `evb run JOB.yaml` stays on loopback. */
const LISTEN: Table = {
  listen: [TEXT, "HOST[:PORT] to listen on"],
  advertise: [TEXT, "host by which clients reach the coordinator"],
  ports: [TEXT, "LOW-HIGH: use these ports only"],
  connection: [PATH, "connection file (OUT/connection.json)"],
  insecure: [FLAG, "no keys: everybody may join"],
};

const BEGIN: Table = {
  "begin-after": [TEXT, "begin with those that are there after so long (evb rank: 30s)"],
};

const ORDER: Table = {
  stagearea: [PATH, "instead of output: experiment/runN and complete below this folder"],
  split: [PATH, "instead of output: folder for one plain file per source"],
  window: [TEXTS, "ticks from an event's first fragment, or a list of them (order only)"],
  match: [choice("window", "gap"), "count the window from the first fragment or the one before"],
  policy: [choice("earliest", "latest", "average"), "time stamp of an event (earliest)"],
  "max-fragments": [TEXT, "fragments of one event (any number)"],
  "source-id": [TEXT, "source id of events (0)"],
  like: [choice("glom", "offlineevb"), "this program's defaults and readings"],
  ...RING_SCAN,
  "segment-size": [TEXT, "of an output file, at most (any)"],
  checksum: [choice("sha512", "none"), "of what is written (sha512)"],
  index: [PATH, "file that keeps the index"],
  batch: [TEXT, "the most events of a part (evb chooses)"],
  memory: [TEXT, "of each client, for bytes (2MB)"],
  data: [{ kind: "places" }, "where input files lie on this host: DIR or FROM=TO"],
  ...LISTEN,
  "client-timeout": [TEXT, "end without a client for so long (5m)"],
  "time-limit": [TEXT, "stop after so long, exit 4"],
  trace: [PATH, "file for what the coordinator does, as JSON lines"],
};

const GENERATE: Table = {
  format: [choice("hdf5", "ring"), "kind of files (hdf5)"],
  events: [TEXT, "events or triggers of the run (300)"],
  "file-size": [TEXT, "size of the first file, or of a ring run, instead of events"],
  "event-size": [TEXT, "bytes of a fragment (1MB, ring: 200, on average)"],
  drop: [TEXT, "share of events that each other file, or each source, lacks (0.5, ring: 0.1)"],
  duplicate: [TEXT, "share of rows that are there twice (0)"],
  disorder: [TEXT, "share of rows that swap with the next, of fragments that come late (0)"],
  seed: [TEXT, "same seed, same bytes (1)"],
  layout: [choice("seed", "lcls"), "hdf5: layout of the files (seed)"],
  files: [TEXT, "hdf5: how many (10)"],
  labels: [TEXT, "hdf5: labels, separated by commas (red,green,blue)"],
  "events-per-chunk": [TEXT, "hdf5: rows of a chunk (1)"],
  compression: [TEXT, "hdf5: none or gzip:1 … gzip:9 (none)"],
  late: [TEXT, "hdf5: share of rows that stand later in their file (0)"],
  sources: [TEXT, "ring: how many (4)"],
  "first-source": [TEXT, "ring: id of the first, the others follow (1)"],
  run: [TEXT, "ring: run number (1)"],
  period: [TEXT, "ring: ticks from trigger to trigger (1000)"],
  jitter: [TEXT, "ring: ticks of a fragment around its trigger (10)"],
  window: [TEXT, "ring: ticks of a built event, also of truth.json's (100)"],
  nesting: [TEXT, "ring: levels of builders, two inputs each (1)"],
  unbuilt: [FLAG, "ring: raw items in place of built events"],
  delay: [TEXT, "ring: disorder: ticks, how late at most (5000)"],
  "late-source": [TEXT, "ring: SOURCE:START:TICKS,… that stalls for so long"],
  "null-stamps": [TEXT, "ring: share of fragments without time stamp (0)"],
  "missing-headers": [TEXT, "ring: none, run-items, all, or SOURCE,… (none)"],
  "item-version": [choice("10", "11", "12"), "ring: NSCLDAQ's (12)"],
  "big-endian": [FLAG, "ring: as a big-endian host writes"],
  extension: [TEXT, "ring: bytes behind each body header (0)"],
  "scalers-every": [TEXT, "ring: triggers between scalers, 0: none (100)"],
  pauses: [TEXT, "ring: groups of PAUSE_RUN and RESUME_RUN (0)"],
  "segment-size": [TEXT, "ring: most bytes of a segment (one segment)"],
  damage: [TEXT, "ring: truncate:BYTES, zero-size:ITEM, bad-count:ITEM, garbage:ITEM:BYTES, …"],
};

/** Both commands have the option, and it means something else in each. */
const INDEX_SOURCES: [string, JobKey] = [
  "index-sources",
  {
    value: TEXT,
    describe: "glob: events of these sources only",
    owners: ["index"],
    option: "sources",
  },
];

/**
 * The keys of a kind that are options of commands, by name. The command line alone has what says how
 * one start of the job goes (`--force`, `--resume`, `--json`, `--quiet`); `inputs`, `index`, `output`,
 * `clients`, `runs` and `resources` are of the job itself.
 */
export const JOB_KEYS: Readonly<Record<JobKind, ReadonlyMap<string, JobKey>>> = {
  run: new Map([
    ...keysOf(INDEX, "index"),
    INDEX_SOURCES,
    ...keysOf(RUN, "both"),
    ...keysOf(RUN_AND_CLIENT, "both", "client"),
    ...keysOf(READER, "reader", "client"),
    ...keysOf(CLIENT, "client"),
    ...keysOf(LISTEN, "coordinator"),
    ...keysOf(BEGIN, "coordinator"),
  ]),
  order: new Map(keysOf(ORDER, "order")),
  generate: new Map(keysOf(GENERATE, "generate")),
};
