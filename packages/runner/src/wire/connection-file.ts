import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { setTimeout } from "node:timers/promises";
import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { PROTOCOL_VERSION } from "./header.ts";
import type { KeyPair } from "./keys.ts";
import { Fields } from "./values.ts";

/** What a client needs to find and trust its coordinator. Never the coordinator's secret key. */
export interface Connection {
  readonly run: string;
  /** Tried in turn: addresses or names by which other hosts may reach the coordinator. */
  readonly hosts: readonly string[];
  readonly joinPort: number;
  readonly resultsPort: number;
  /** The coordinator's public key and the clients' key pair; undefined only with --insecure. */
  readonly security: { readonly serverKey: string; readonly client: KeyPair } | undefined;
}

const HOSTS_MAX = 64;
/** 64 hosts of 256 characters, and keys. */
const FILE_BYTES_MAX = 65_536;

/** Written under another name with mode 0600 and renamed, so that nobody reads half of it. */
export function writeConnection(path: string, connection: Connection): void {
  const partial = `${path}.${String(process.pid)}.partial`;
  rmSync(partial, { force: true });
  const fd = openSync(partial, "wx", 0o600);
  const { security, ...rest } = connection;
  const text = { protocol: PROTOCOL_VERSION, ...rest, ...(security && { security }) };
  writeSync(fd, `${JSON.stringify(text, null, 2)}\n`);
  closeSync(fd);
  renameSync(partial, path);
}

/**
 * Waits for the file.
 *
 * @throws EvbError "connection-missing", "connection-unsafe", "connection-bad"
 */
export async function waitForConnection(
  path: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const connection = readConnection(path);
    if (connection !== undefined) return connection;
    if (performance.now() >= deadline)
      throw fault("connection-missing", { path, seconds: waitMs / 1000 });
    await setTimeout(POLL_MS, undefined, { signal });
  }
}

/** A shared file system is asked ten times a second at most. */
const POLL_MS = 100;

/** Undefined where there is no such file. */
function readConnection(path: string): Connection | undefined {
  let text: string;
  try {
    text = readOwn(path);
  } catch (thrown) {
    if (isEvbError(thrown)) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const reason = (thrown as NodeJS.ErrnoException).code ?? "it can't be read";
    throw fault("connection-bad", { path, reason }, { cause: thrown });
  }
  try {
    return parse(JSON.parse(text));
  } catch (thrown) {
    throw fault("connection-bad", { path, reason: (thrown as Error).message }, { cause: thrown });
  }
}

/** Keys that others could have read or written are no keys. */
function readOwn(path: string): string {
  const fd = openSync(path, "r");
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw fault("connection-bad", { path, reason: "it is no file" });
    if (process.getuid !== undefined && stats.uid !== process.getuid())
      throw fault("connection-unsafe", { path, reason: `it belongs to user ${String(stats.uid)}` });
    if ((stats.mode & 0o077) !== 0)
      throw fault("connection-unsafe", {
        path,
        reason: `its mode is 0${(stats.mode & 0o777).toString(8)}`,
      });
    if (stats.size > FILE_BYTES_MAX)
      throw fault("connection-bad", { path, reason: "it is too long" });
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function parse(value: unknown): Connection {
  const fields = new Fields("connection file", value);
  const protocol = fields.integer("protocol");
  if (protocol !== PROTOCOL_VERSION)
    throw fault("frame-bad", {
      what: "connection file",
      reason: `its protocol is ${String(protocol)}, and this evb speaks ${String(PROTOCOL_VERSION)}`,
    });
  const security = (value as { security?: unknown }).security;
  return {
    run: fields.text("run"),
    hosts: fields.list("hosts", HOSTS_MAX, String),
    joinPort: fields.integer("joinPort", 65_535),
    resultsPort: fields.integer("resultsPort", 65_535),
    security: security === undefined ? undefined : parseSecurity(security),
  };
}

function parseSecurity(value: unknown): NonNullable<Connection["security"]> {
  const fields = new Fields("connection file's security", value);
  const keys = new Fields("connection file's client keys", (value as { client: unknown }).client);
  return {
    serverKey: fields.text("serverKey", 40),
    client: { publicKey: keys.text("publicKey", 40), secretKey: keys.text("secretKey", 40) },
  };
}
