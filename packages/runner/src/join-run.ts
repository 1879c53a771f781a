import { setTimeout } from "node:timers/promises";
import { Client, type ClientOrder, type ClientOutcome } from "./client/client.ts";
import { fault } from "./faults.ts";
import { waitForConnection, type Connection } from "./wire/connection-file.ts";
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
  order: Omit<ClientOrder, "endpoint">,
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
  const { joinPort, resultsPort, security } = connection;
  const link = await ZeromqClientLink.open({ host, joinPort, resultsPort, security });
  const endpoint = `${host}:${String(joinPort)}`;
  // One wait for the file, for a host that answers, and for the welcome.
  const waitMs = Math.max(ANSWER_MS_MIN, order.waitMs - (performance.now() - begun));
  return new Client(link, { ...order, waitMs, endpoint }).run(signal);
}

/** The first of the advertised hosts that answers; the file is read again each time, as it may be an old one. */
async function findCoordinator(
  path: string,
  wait: { waitMs: number; sinceMs: number },
  signal: AbortSignal,
): Promise<{ connection: Connection; host: string }> {
  for (;;) {
    const connection = await waitForConnection(path, wait, signal);
    for (const host of connection.hosts)
      if (await answers(host, connection.joinPort)) return { connection, host };
    if (performance.now() >= wait.sinceMs + wait.waitMs) {
      const endpoints = connection.hosts.map((host) => `${host}:${String(connection.joinPort)}`);
      throw fault("coordinator-unreachable", { endpoints, seconds: wait.waitMs / 1000 });
    }
    await setTimeout(RETRY_MS, undefined, { signal });
  }
}
