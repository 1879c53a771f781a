import { rmSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import { PROTOCOL_VERSION } from "./header.ts";
import type { KeyPair } from "./keys.ts";
import { readOwn, writeOwn } from "./own-file.ts";
import { answers } from "./probe.ts";
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

const WHAT = "connection file";
const HOSTS_MAX = 64;
const HOST_LENGTH_MAX = 256;
/** 64 hosts of 256 characters, and keys. */
const FILE_BYTES_MAX = 65_536;

/** @param evb its version, for people: clients go by the protocol's */
export function writeConnection(path: string, connection: Connection, evb: string): void {
  const { security, ...rest } = connection;
  writeOwn(path, { protocol: PROTOCOL_VERSION, evb, ...rest, ...(security && { security }) });
}

/** At the end of a run; another run may have put its own there meanwhile, which stays. */
export function removeConnection(path: string, { run }: Pick<Connection, "run">): void {
  if (connectionIn(path)?.run === run) rmSync(path, { force: true });
}

/** @throws EvbError "run-is-on" where the file is there and its coordinator answers */
export async function refuseLiveRun(path: string): Promise<void> {
  const old = connectionIn(path);
  if (old === undefined) return;
  for (const host of old.hosts)
    if (await answers(host, old.joinPort))
      throw fault("run-is-on", { path, sign: `${host}:${String(old.joinPort)} answers` });
}

/** Undefined, too, where it is none or not ours: then it is no run of ours that is on. */
function connectionIn(path: string): Connection | undefined {
  try {
    return readConnection(path);
  } catch {
    return undefined;
  }
}

/**
 * Waits for the file, until `waitMs` after `sinceMs`.
 *
 * @throws EvbError "connection-missing", "connection-unsafe", "connection-bad"
 */
export async function waitForConnection(
  path: string,
  { waitMs, sinceMs }: { waitMs: number; sinceMs: number },
  signal: AbortSignal,
): Promise<Connection> {
  const deadline = sinceMs + waitMs;
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

/** Undefined where there is no such file. @throws EvbError "connection-unsafe", "connection-bad" */
export function readConnection(path: string): Connection | undefined {
  let text: string;
  try {
    const own = readOwn(path, { what: WHAT, bytesMax: FILE_BYTES_MAX });
    if (own === undefined) return undefined;
    text = own;
  } catch (thrown) {
    if (isEvbError(thrown)) throw thrown;
    const reason = (thrown as NodeJS.ErrnoException).code ?? "it can't be read";
    throw fault("connection-bad", { what: WHAT, path, reason }, { cause: thrown });
  }
  try {
    return parse(JSON.parse(text));
  } catch (thrown) {
    throw fault(
      "connection-bad",
      { what: WHAT, path, reason: (thrown as Error).message },
      { cause: thrown },
    );
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
    hosts: hostsOf(fields.list("hosts", HOSTS_MAX, host)),
    joinPort: fields.integer("joinPort", 65_535),
    resultsPort: fields.integer("resultsPort", 65_535),
    security: security === undefined ? undefined : parseSecurity(security),
  };
}

function hostsOf(hosts: readonly string[]): readonly string[] {
  if (hosts.length > 0) return hosts;
  throw fault("frame-bad", { what: "connection file", reason: "it names no host" });
}

function host(value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= HOST_LENGTH_MAX) return value;
  throw fault("frame-bad", { what: "connection file", reason: "a host is none" });
}

function parseSecurity(value: unknown): NonNullable<Connection["security"]> {
  const fields = new Fields("connection file's security", value);
  const keys = new Fields("connection file's client keys", (value as { client: unknown }).client);
  return {
    serverKey: fields.text("serverKey", 40),
    client: { publicKey: keys.text("publicKey", 40), secretKey: keys.text("secretKey", 40) },
  };
}
