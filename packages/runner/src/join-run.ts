import { setTimeout } from "node:timers/promises";
import type { ClientOrder } from "./client/client-order.ts";
import { Client, type ClientOutcome } from "./client/client.ts";
import { fault } from "./faults.ts";
import { readConnection, waitForConnection, type Connection } from "./wire/connection-file.ts";
import { answers } from "./wire/probe.ts";
import { ZeromqClientLink } from "./wire/zeromq-client.ts";

const RETRY_MS = 200;
/** A coordinator that was found at the last moment gets so long to say welcome. */
const ANSWER_MS_MIN = 1000;

/**
 * Joins the run of a connection file and works until its end.
 *
 * @returns undefined where the signal came before the coordinator was found
 * @throws EvbError "connection-missing", "connection-bad", "connection-unsafe", "coordinator-unreachable"
 * and those of {@link Client.run}
 */
export async function joinRun(
  connectionPath: string,
  order: Omit<ClientOrder, "endpoint" | "run" | "findAgain">,
  signal: AbortSignal,
): Promise<ClientOutcome | undefined> {
  const begun = performance.now();
  const wait = { waitMs: order.waitMs, sinceMs: begun };
  const found = await findCoordinator(connectionPath, wait, signal).catch((thrown: unknown) => {
    if (signal.aborted) return undefined;
    throw thrown;
  });
  if (found === undefined) return undefined;
  const { connection, host } = found;
  const link = await linkTo(found);
  const endpoint = `${host}:${String(connection.joinPort)}`;
  // One wait for the file, for a host that answers, and for the welcome.
  const waitMs = Math.max(ANSWER_MS_MIN, order.waitMs - (performance.now() - begun));
  const findAgain = finder(connectionPath, connection);
  const { run } = connection;
  return new Client(link, { ...order, run, waitMs, endpoint, findAgain }).run(signal);
}

const linkTo = ({ connection, host }: Found): Promise<ZeromqClientLink> => {
  const { joinPort, resultsPort, security } = connection;
  return ZeromqClientLink.open({ host, joinPort, resultsPort, security });
};

/** Looks whether the coordinator of the same run is elsewhere now than it was when it was found last. */
function finder(path: string, first: Connection): () => Promise<ZeromqClientLink | undefined> {
  let known = JSON.stringify(first);
  return async () => {
    const connection = readAgain(path);
    if (connection?.run !== first.run || JSON.stringify(connection) === known) return undefined;
    const host = await hostOf(connection);
    if (host === undefined) return undefined;
    known = JSON.stringify(connection);
    return linkTo({ connection, host });
  };
}

/** A file that can't be used may be another's, or half of a copy; the next look may find better. */
function readAgain(path: string): Connection | undefined {
  try {
    return readConnection(path);
  } catch {
    return undefined;
  }
}

interface Found {
  readonly connection: Connection;
  readonly host: string;
}

async function hostOf({ hosts, joinPort }: Connection): Promise<string | undefined> {
  for (const host of hosts) if (await answers(host, joinPort)) return host;
  return undefined;
}

/** The first of the advertised hosts that answers; the file is read again each time, as it may be an old one. */
async function findCoordinator(
  path: string,
  wait: { waitMs: number; sinceMs: number },
  signal: AbortSignal,
): Promise<Found> {
  for (;;) {
    const connection = await waitForConnection(path, wait, signal);
    const host = await hostOf(connection);
    if (host !== undefined) return { connection, host };
    if (performance.now() >= wait.sinceMs + wait.waitMs) {
      const endpoints = connection.hosts.map((host) => `${host}:${String(connection.joinPort)}`);
      throw fault("coordinator-unreachable", { endpoints, seconds: wait.waitMs / 1000 });
    }
    await setTimeout(RETRY_MS, undefined, { signal });
  }
}
