import { isEvbError } from "@evb/event";
import { fault } from "./faults.ts";
import type { ProcessPlace } from "./process-place.ts";
import type { KeyPair } from "./wire/keys.ts";
import { readOwn, writeOwn } from "./wire/own-file.ts";
import { Fields } from "./wire/values.ts";

/**
 * What a coordinator keeps in OUT (mode 0600) for the next one, if it doesn't come to its end: with the
 * same keys and ports, clients that wait find that one by themselves.
 */
export interface CoordinatorFile {
  readonly run: string;
  /** 1, and one more for each `--resume`. */
  readonly life: number;
  /** Whose it is. */
  readonly process: ProcessPlace;
  /** Undefined in one process, where nobody listens. */
  readonly ports: { readonly join: number; readonly results: number } | undefined;
  /** Undefined with --insecure. */
  readonly keys: { readonly server: KeyPair; readonly client: KeyPair } | undefined;
  /** Of each data file, when the run began: see `fileState`; "" where this host doesn't see it. */
  readonly data: readonly string[];
}

const RUN_LENGTH_MAX = 64;
const KEY_LENGTH = 40;
const LIFE_MAX = 2 ** 32 - 1;
const FILES_MAX = 65_535;
const STATE_LENGTH_MAX = 128;
/** A state of 60 characters for each of 65,535 data files, and keys. */
const FILE_BYTES_MAX = 8 * 2 ** 20;

/** @throws EvbError "out-unwritable" */
export const writeCoordinatorFile = (path: string, file: CoordinatorFile): void => {
  writeOwn(path, file);
};

/**
 * Undefined where there is none, or half of one: a run goes on without it, with other keys.
 *
 * @throws EvbError "connection-unsafe"
 */
export function readCoordinatorFile(path: string): CoordinatorFile | undefined {
  try {
    const text = readOwn(path, { what: "coordinator's file", bytesMax: FILE_BYTES_MAX });
    return text === undefined ? undefined : parse(JSON.parse(text));
  } catch (thrown) {
    if (isEvbError(thrown, "connection-unsafe")) throw thrown;
    return undefined;
  }
}

function parse(value: unknown): CoordinatorFile {
  const fields = new Fields("coordinator file", value);
  const { ports, keys } = value as { ports?: unknown; keys?: unknown };
  return {
    run: fields.text("run", RUN_LENGTH_MAX),
    life: fields.integer("life", LIFE_MAX),
    process: parseProcess((value as { process: unknown }).process),
    ports: ports === undefined ? undefined : parsePorts(ports),
    keys: keys === undefined ? undefined : parseKeys(keys),
    data: fields.list("data", FILES_MAX, (state) => {
      if (typeof state === "string" && state.length <= STATE_LENGTH_MAX) return state;
      throw fault("frame-bad", { what: "coordinator file", reason: "a file's state is none" });
    }),
  };
}

function parseProcess(value: unknown): ProcessPlace {
  const fields = new Fields("coordinator file's process", value);
  return {
    host: fields.text("host"),
    pid: fields.integer("pid"),
    begun: fields.text("begun", STATE_LENGTH_MAX),
  };
}

function parsePorts(value: unknown): NonNullable<CoordinatorFile["ports"]> {
  const fields = new Fields("coordinator file's ports", value);
  return { join: fields.integer("join", 65_535), results: fields.integer("results", 65_535) };
}

function parseKeys(value: unknown): NonNullable<CoordinatorFile["keys"]> {
  const { server, client } = value as { server?: unknown; client?: unknown };
  const pair = (which: unknown): KeyPair => {
    const fields = new Fields("coordinator file's keys", which);
    const [publicKey, secretKey] = ["publicKey", "secretKey"].map((name) =>
      fields.text(name, KEY_LENGTH),
    );
    return { publicKey: publicKey!, secretKey: secretKey! };
  };
  return { server: pair(server), client: pair(client) };
}
