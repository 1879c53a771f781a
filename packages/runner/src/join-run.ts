import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { Client, type ClientOrder, type ClientOutcome } from "./client/client.ts";
import { fault } from "./faults.ts";
import { waitForConnection, type Connection } from "./wire/connection-file.ts";
import { ZeromqClientLink } from "./wire/zeromq-client.ts";

/** A host that drops packets is given up after so long, and the next is tried. */
const PROBE_MS = 2000;
const RETRY_MS = 200;

/**
 * Joins the run of a connection file and works until its end.
 *
 * @throws EvbError "connection-missing", "connection-bad", "connection-unsafe", "coordinator-unreachable"
 * and those of {@link Client.run}
 */
export async function joinRun(
  connectionPath: string,
  order: Omit<ClientOrder, "endpoint">,
  signal: AbortSignal,
): Promise<ClientOutcome> {
  const { connection, host } = await findCoordinator(connectionPath, order.waitMs, signal);
  const { joinPort, resultsPort, security } = connection;
  const link = new ZeromqClientLink({ host, joinPort, resultsPort, security });
  const endpoint = `${host}:${String(joinPort)}`;
  return new Client(link, { ...order, endpoint }).run(signal);
}

/** The first of the advertised hosts that answers; the file is read again each time, as it may be an old one. */
async function findCoordinator(
  path: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<{ connection: Connection; host: string }> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const connection = await waitForConnection(path, left, signal);
    for (const host of connection.hosts)
      if (await answers(host, connection.joinPort)) return { connection, host };
    if (performance.now() >= deadline) {
      const endpoints = connection.hosts.map((host) => `${host}:${String(connection.joinPort)}`);
      throw fault("coordinator-unreachable", { endpoints, seconds: waitMs / 1000 });
    }
    await setTimeout(RETRY_MS, undefined, { signal });
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PROBE_MS });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => {
      end(true);
    });
    socket.once("error", () => {
      end(false);
    });
    socket.once("timeout", () => {
      end(false);
    });
  });
}
