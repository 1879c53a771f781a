import { asElementType, sentenceOf, type ElementType } from "@evb/event";
import { COLUMNS_MAX, schemaOf, type ResultSchema } from "@evb/analysis";
import { storedElementBytes, type RowLayout } from "@evb/formats";
import { fault } from "../faults.ts";
import { decodeValue, encodeValue, Fields } from "./values.ts";

/** What a client says of itself when it asks to join. Repeated until it is answered; `nonce` tells repeats. */
export interface Join {
  /** Random, hexadecimal: which process this is, as long as it lives. Every container has pid 7. */
  readonly nonce: string;
  readonly host: string;
  readonly pid: number;
  /** The evb that it runs. */
  readonly evb: string;
  /** Of the run that it was started for; a coordinator answers only those of its own. */
  readonly run: string;
  /** Bytes of events that it is handed at once; undefined: as the coordinator finds best. */
  readonly memoryBytes?: number | undefined;
}

/** Which analysis to run. */
export interface AnalysisOrder {
  /** A built-in name, or the absolute path of a module. */
  readonly name: string;
  /** Hexadecimal sha-256 of the module's file; undefined for a built-in. */
  readonly sha256: string | undefined;
  /** As typed behind --set. */
  readonly settings: Readonly<Record<string, string>>;
}

interface WelcomeFile {
  /** Below the root. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly ends: string;
}

interface WelcomeSource {
  readonly name: string;
  /** Row of the files. */
  readonly file: number;
  readonly payload: string;
  readonly type: ElementType;
  readonly itemShape: readonly number[];
  /** Rows are sequences of numbers, each with a length of its own: there is no shape, and no storage. */
  readonly varies?: boolean | undefined;
  readonly rows: number;
  /** Row of the files that has its payload. */
  readonly payloadFile: number;
  /** How its rows lie there; undefined: the HDF5 library reads them. */
  readonly storage?: WelcomeStorage | undefined;
}

/** What of a row's layout isn't in the source's type and shape. */
export type WelcomeStorage = Omit<RowLayout, "itemShape" | "elementBytes">;

/** Where clients write a run that is rebuilt. */
export interface RebuildWelcome {
  /** Below the run's folder. */
  readonly outputs: readonly string[];
  /** The coordinator's. */
  readonly host: string;
  /** Outputs that are counted apart. */
  readonly buildings: number;
  /** So much memory each client uses for bytes. */
  readonly memoryBytes: number;
  /** Undefined where ring items are written. */
  readonly extract?: ExtractWelcome | undefined;
}

/** How clients write the rows of events. */
export interface ExtractWelcome {
  /** zlib's level, 1 … 9; 0: rows are written as they are, where they belong. */
  readonly gzip: number;
  readonly shuffle: boolean;
  /** The first row that can't be read ends it. */
  readonly strict: boolean;
}

/** Why a client can't join: it asks no more. */
export interface Refusal {
  readonly nonce: string;
  readonly refused: string;
}

/** The coordinator's answer: all that a client needs to know but the leases. */
export interface Welcome {
  readonly nonce: string;
  readonly session: number;
  readonly sid: number;
  readonly rank: number;
  /** Port of this client's lane, on the host by which it reached the coordinator. */
  readonly lanePort: number;
  readonly beatMs: number;
  /** An event that takes longer fails; 0: none does. */
  readonly eventTimeoutMs: number;
  readonly analysis: AnalysisOrder;
  /** Where the files' paths begin on the coordinator's host. */
  readonly root: string;
  readonly indexPath: string;
  readonly files: readonly WelcomeFile[];
  readonly sources: readonly WelcomeSource[];
  /** Undefined where events are analysed. */
  readonly rebuild?: RebuildWelcome | undefined;
}

const JOIN_BYTES_MAX = 4096;
/** A UUID has 36 characters; in memory it is none. */
const RUN_LENGTH_MAX = 64;
const RANK_MAX = 2 ** 32 - 1;
/** 24 days, which is what a timer can wait. */
const EVENT_TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** 65,535 sources (a source is a u16) of some 200 bytes, and as many files. */
const WELCOME_BYTES_MAX = 64 * 2 ** 20;
const SOURCES_MAX = 65_535;
/** Segments of some 2 GB of a run of 100 TB. */
export const OUTPUTS_MAX = 65_535;
/** Files that are being written have such names, and clients write no others. */
const PARTIAL = /^\d+-\d+\.[-\da-f]+\.partial$/;
const REBUILD_MEMORY_BYTES_MAX = 2 ** 31;
const GZIP_LEVEL_MAX = 9;
const DIMENSIONS_MAX = 31;
const SCHEMA_BYTES_MAX = 2 ** 20;

export const encodeJoin = (join: Join): Uint8Array<ArrayBuffer> => encodeValue(join);

/** @throws EvbError "frame-bad" */
export function decodeJoin(bytes: Uint8Array): Join {
  const fields = new Fields("join", decodeValue("join", bytes, JOIN_BYTES_MAX));
  const nonce = fields.text("nonce");
  if (!/^[0-9a-f]{32}$/.test(nonce))
    throw fault("frame-bad", { what: "join", reason: "its nonce is none" });
  const host = fields.text("host", 256);
  return {
    nonce,
    host,
    pid: fields.integer("pid"),
    evb: fields.text("evb", 64),
    run: fields.text("run", RUN_LENGTH_MAX),
    memoryBytes: fields.optionalInteger("memoryBytes"),
  };
}

export const encodeWelcome = (welcome: Welcome): Uint8Array<ArrayBuffer> =>
  encodeValue({ ...welcome, sources: welcome.sources.map(withFillAsText) });

/** A message has no bytes in it. */
function withFillAsText(source: WelcomeSource): object {
  const { storage } = source;
  if (storage?.fill === undefined) return source;
  return { ...source, storage: { ...storage, fill: Buffer.from(storage.fill).toString("hex") } };
}

export const encodeRefusal = (refusal: Refusal): Uint8Array<ArrayBuffer> => encodeValue(refusal);

/** @throws EvbError "frame-bad" */
export function decodeWelcome(bytes: Uint8Array): Welcome | Refusal {
  const value = decodeValue("welcome", bytes, WELCOME_BYTES_MAX);
  const fields = new Fields("welcome", value);
  const refused = fields.optionalText("refused");
  if (refused !== undefined) return { nonce: fields.text("nonce"), refused };
  const welcome = {
    nonce: fields.text("nonce"),
    session: fields.integer("session", 2 ** 32 - 1),
    sid: fields.integer("sid", 65_535),
    rank: fields.integer("rank", RANK_MAX),
    lanePort: fields.integer("lanePort", 65_535),
    beatMs: fields.integer("beatMs", 60_000),
    eventTimeoutMs: fields.integer("eventTimeoutMs", EVENT_TIMEOUT_MS_MAX),
    analysis: analysisOrder((value as { analysis: unknown }).analysis),
    root: fields.text("root"),
    indexPath: fields.text("indexPath"),
    files: fields.list("files", SOURCES_MAX, welcomeFile),
    sources: fields.list("sources", SOURCES_MAX, welcomeSource),
    rebuild: rebuildWelcome((value as { rebuild?: unknown }).rebuild),
  };
  const { length } = welcome.files;
  if (welcome.sources.some(({ file, payloadFile }) => Math.max(file, payloadFile) >= length))
    throw fault("frame-bad", { what: "welcome", reason: "a source's file is none of its files" });
  if (welcome.rebuild?.extract !== undefined && welcome.sources.some(({ varies }) => varies))
    throw fault("frame-bad", { what: "welcome", reason: "an extract has rows of variable length" });
  const rings = welcome.sources.filter(({ storage }) => storage?.ring !== undefined).length;
  if (rings > 0 && rings < welcome.sources.length)
    throw fault("frame-bad", { what: "welcome", reason: "some sources are ring items, some not" });
  return welcome;
}

function analysisOrder(value: unknown): AnalysisOrder {
  const fields = new Fields("welcome's analysis", value);
  return {
    name: fields.text("name"),
    sha256: fields.optionalText("sha256"),
    settings: fields.texts("settings"),
  };
}

function rebuildWelcome(value: unknown): RebuildWelcome | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = new Fields("welcome's rebuild", value);
  return {
    outputs: fields.list("outputs", OUTPUTS_MAX, (path) => {
      if (typeof path === "string" && PARTIAL.test(path)) return path;
      throw fault("frame-bad", { what: "welcome", reason: "an output is no file of a rebuild" });
    }),
    host: fields.text("host", 256),
    buildings: fields.integer("buildings", OUTPUTS_MAX),
    memoryBytes: fields.integer("memoryBytes", REBUILD_MEMORY_BYTES_MAX),
    extract: extractWelcome((value as { extract?: unknown }).extract),
  };
}

function extractWelcome(value: unknown): ExtractWelcome | undefined {
  if (value === undefined || value === null) return undefined;
  const { shuffle, strict } = value as Record<string, unknown>;
  if (typeof shuffle !== "boolean" || typeof strict !== "boolean")
    throw fault("frame-bad", { what: "welcome", reason: "an extract says not how" });
  const fields = new Fields("welcome's extract", value);
  return { gzip: fields.integer("gzip", GZIP_LEVEL_MAX), shuffle, strict };
}

const isBelow = (path: string): boolean => !path.startsWith("/") && !path.split("/").includes("..");

function welcomeFile(value: unknown): WelcomeFile {
  const fields = new Fields("welcome's file", value);
  const path = fields.text("path");
  // An index has none that leads out of its root; a client reads only files of the index.
  if (!isBelow(path))
    throw fault("frame-bad", { what: "welcome", reason: "a file lies outside of its root" });
  return {
    path,
    sizeBytes: fields.integer("sizeBytes"),
    ends: fields.text("ends"),
  };
}

function welcomeSource(value: unknown): WelcomeSource {
  const fields = new Fields("welcome's source", value);
  const type = asElementType(fields.text("type"));
  if (type === undefined)
    throw fault("frame-bad", { what: "welcome", reason: "an element type is none" });
  const itemShape = fields.list("itemShape", DIMENSIONS_MAX, dimension);
  const storage = welcomeStorage((value as { storage?: unknown }).storage);
  const varies = fields.flag("varies");
  if (varies && (storage !== undefined || itemShape.length > 0))
    throw fault("frame-bad", { what: "welcome", reason: "rows of variable length have a shape" });
  const chunk = storage?.chunk;
  if (chunk !== undefined && (chunk.length !== itemShape.length + 1 || chunk.includes(0)))
    throw fault("frame-bad", { what: "welcome", reason: "chunks have another shape than rows" });
  if (storage?.halves === true && type !== "f4")
    throw fault("frame-bad", { what: "welcome", reason: "16-bit floats aren't given as f4" });
  if (storage?.fill !== undefined && storage.fill.length !== storedElementBytes(type, storage))
    throw fault("frame-bad", { what: "welcome", reason: "a fill value is no element" });
  return {
    name: fields.text("name"),
    file: fields.integer("file", SOURCES_MAX),
    payload: fields.text("payload"),
    type,
    itemShape,
    ...(varies && { varies }),
    rows: fields.integer("rows"),
    payloadFile: fields.integer("payloadFile", SOURCES_MAX),
    storage,
  };
}

const FILTERS_MAX = 32;
/** A variable-length list of u32; filters of our time have some ten. */
const CLIENT_DATA_MAX = 256;

function welcomeStorage(value: unknown): WelcomeStorage | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = new Fields("welcome's storage", value);
  const { chunk, fill, bigEndian, address, ring } = value as Record<string, unknown>;
  if (typeof bigEndian !== "boolean" || !Number.isSafeInteger(address) || !isFill(fill))
    throw fault("frame-bad", { what: "welcome", reason: "a storage is none" });
  return {
    bigEndian,
    address: address as number,
    chunk:
      chunk === undefined || chunk === null
        ? undefined
        : fields.list("chunk", DIMENSIONS_MAX + 1, dimension),
    filters: fields.list("filters", FILTERS_MAX, (filter) => {
      const inner = new Fields("welcome's filter", filter);
      return {
        id: inner.integer("id", 65_535),
        clientData: inner.list("clientData", CLIENT_DATA_MAX, dimension),
      };
    }),
    fill: typeof fill === "string" ? Uint8Array.from(Buffer.from(fill, "hex")) : undefined,
    ...(fields.flag("halves") && { halves: true as const }),
    ...(ring !== undefined && { ring: welcomeRing(ring) }),
  };
}

function welcomeRing(value: unknown): { readonly v10: boolean } {
  const v10 = (value as { v10?: unknown } | null)?.v10;
  if (typeof v10 === "boolean") return { v10 };
  throw fault("frame-bad", { what: "welcome", reason: "a ring is none" });
}

/** Hexadecimal. */
const isFill = (fill: unknown): fill is string | null | undefined =>
  fill === undefined || fill === null || (typeof fill === "string" && /^[0-9a-f]*$/.test(fill));

function dimension(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw fault("frame-bad", { what: "welcome", reason: "a dimension is none" });
}

export const encodeSchema = (schema: ResultSchema): Uint8Array<ArrayBuffer> => encodeValue(schema);

/** Both sides must agree on what the columns of a result are. @throws EvbError "frame-bad" */
export function decodeSchema(bytes: Uint8Array): ResultSchema {
  const fields = new Fields("schema", decodeValue("schema", bytes, SCHEMA_BYTES_MAX));
  const column = (value: unknown): ResultSchema["eventColumns"][number] => {
    const inner = new Fields("schema's column", value);
    const type = inner.text("type");
    const known = type === "data" ? type : asElementType(type);
    if (known === undefined)
      throw fault("frame-bad", { what: "schema", reason: `${type} is no type` });
    return { name: inner.text("name", 64), type: known };
  };
  const schema = {
    eventColumns: fields.list("eventColumns", COLUMNS_MAX, column),
    fragmentColumns: fields.list("fragmentColumns", COLUMNS_MAX, column),
    totals: fields.list("totals", COLUMNS_MAX, decodeTotal),
  };
  checkSchema(schema);
  return schema;
}

/** What no analysis may declare no client returns. @throws EvbError "frame-bad" */
function checkSchema(schema: ResultSchema): void {
  const named = <Item extends { name: string }, Value>(
    list: readonly Item[],
    value: (item: Item) => Value,
  ): Record<string, Value> => Object.fromEntries(list.map((item) => [item.name, value(item)]));
  let declared: ResultSchema;
  try {
    declared = schemaOf("a client's", {
      eventColumns: named(schema.eventColumns, ({ type }) => type as ElementType),
      fragmentColumns: named(schema.fragmentColumns, ({ type }) => type),
      totals: named(schema.totals, ({ type, length }) => ({ type, length })),
      event: () => undefined,
    });
  } catch (thrown) {
    throw fault("frame-bad", { what: "schema", reason: sentenceOf(thrown) }, { cause: thrown });
  }
  for (const list of ["eventColumns", "fragmentColumns", "totals"] as const)
    if (declared[list].length !== schema[list].length)
      throw fault("frame-bad", { what: "schema", reason: "it has a name twice" });
}

function decodeTotal(value: unknown): ResultSchema["totals"][number] {
  const fields = new Fields("schema's total", value);
  const type = fields.text("type");
  if (type !== "i8" && type !== "u8" && type !== "f8")
    throw fault("frame-bad", { what: "schema", reason: `${type} is no type of a total` });
  return { name: fields.text("name", 64), type, length: fields.integer("length", 2 ** 24) };
}

/** Events whose analysis failed, by number, with the sentence. */
export interface Failure {
  readonly event: number;
  readonly reason: string;
}

const FAILURES_BYTES_MAX = 16 * 2 ** 20;
/** A sentence of a failure is cut to this many characters, so that many failures stay one message. */
export const FAILURE_LENGTH_MAX = 1000;

export const encodeFailures = (failures: readonly Failure[]): Uint8Array<ArrayBuffer> =>
  encodeValue({ failures });

/** @throws EvbError "frame-bad" */
export function decodeFailures(bytes: Uint8Array): Failure[] {
  const fields = new Fields("failures", decodeValue("failures", bytes, FAILURES_BYTES_MAX));
  return fields.list("failures", 1_000_000, (value) => {
    const inner = new Fields("failure", value);
    return {
      event: inner.integer("event", 2 ** 32 - 1),
      reason: inner.text("reason", FAILURE_LENGTH_MAX),
    };
  });
}

/** Why a client's results can't be trusted any more. */
export interface ClientFault {
  readonly reason: string;
}

export const encodeFault = (reason: string): Uint8Array<ArrayBuffer> =>
  encodeValue({ reason: reason.slice(0, FAILURE_LENGTH_MAX) });

/** @throws EvbError "frame-bad" */
export function decodeFault(bytes: Uint8Array): ClientFault {
  const fields = new Fields("fault", decodeValue("fault", bytes, JOIN_BYTES_MAX));
  return { reason: fields.text("reason", FAILURE_LENGTH_MAX) };
}
