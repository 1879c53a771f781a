import { readFileSync } from "node:fs";
import { isEvbError } from "@evb/event";
import type { CoordinatorFile } from "./coordinator-file.ts";
import { fault } from "./faults.ts";
import type { Connection } from "./wire/connection-file.ts";
import { Descriptors } from "./wire/descriptors.ts";
import { newKeyPair } from "./wire/keys.ts";
import type { CoordinatorLink } from "./wire/link.ts";
import { LANES_MAX, ZeromqCoordinatorLink, type Listening } from "./wire/zeromq-coordinator.ts";

/** How a coordinator is reached; in memory it is not. */
export type RunNetwork =
  | { readonly kind: "memory"; readonly link: CoordinatorLink }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly ports: { readonly low: number; readonly high: number } | undefined;
      /** What the connection file tells clients to try, in turn. */
      readonly advertised: readonly string[];
      /** Undefined: OUT/connection.json. */
      readonly connectionPath: string | undefined;
      readonly insecure: boolean;
    };

/** Where a coordinator of this run listened, and with which keys. */
export type Place = Pick<CoordinatorFile, "ports" | "keys">;

/**
 * Opens the sockets; where an earlier life of the coordinator had them if nobody else has meanwhile,
 * so that its clients need not look for us.
 *
 * @throws EvbError "sockets-too-few", "descriptors-too-few", "ports-too-few", "host-ports-too-few",
 * "port-taken", "ports-used-up"
 */
export async function listen(
  network: Extract<RunNetwork, { kind: "tcp" }>,
  run: string,
  clients: number,
  before: Place | undefined,
): Promise<{ link: CoordinatorLink; connection: Connection; place: Place }> {
  checkHost(clients);
  checkPorts(network, clients);
  const { host, port, ports, advertised, insecure } = network;
  const keys = insecure
    ? undefined
    : (before?.keys ?? { server: await newKeyPair(), client: await newKeyPair() });
  const security = keys && { server: keys.server, clients: new Set([keys.client.publicKey]) };
  const link = await open({ host, port, ports, security }, before?.ports);
  const connection = {
    run,
    hosts: advertised,
    joinPort: link.endpoints.join,
    resultsPort: link.endpoints.results,
    security: keys && { serverKey: keys.server.publicKey, client: keys.client },
  };
  return { link, connection, place: { ports: link.endpoints, keys } };
}

async function open(listening: Listening, again: Place["ports"]): Promise<ZeromqCoordinatorLink> {
  if (again === undefined || (listening.port !== 0 && listening.port !== again.join))
    return ZeromqCoordinatorLink.open(listening);
  try {
    return await ZeromqCoordinatorLink.open({ ...listening, again });
  } catch (thrown) {
    if (!isEvbError(thrown, "port-taken")) throw thrown;
    return ZeromqCoordinatorLink.open(listening);
  }
}

/**
 * A client that finds no socket or no file is refused, and the others would wait for it.
 *
 * @throws EvbError "sockets-too-few", "descriptors-too-few"
 */
function checkHost(clients: number): void {
  if (clients > LANES_MAX) throw fault("sockets-too-few", { clients, max: LANES_MAX });
  const descriptors = new Descriptors();
  const { max } = descriptors;
  const needed = descriptors.neededBy(clients);
  if (needed > max) throw fault("descriptors-too-few", { clients, needed, max });
}

/** Clients that find no port would wait, and the others with them. @throws EvbError "ports-too-few", "host-ports-too-few" */
function checkPorts(
  { ports, port }: { ports: { low: number; high: number } | undefined; port: number },
  clients: number,
): void {
  const needed = clients + (port === 0 ? 2 : 1);
  const { low, high } = ports ?? hostPorts();
  if (high - low + 1 >= needed) return;
  const range = `${String(low)}-${String(high)}`;
  throw ports === undefined
    ? fault("host-ports-too-few", { range, clients, needed })
    : fault("ports-too-few", { ports: range, clients, needed });
}

/** Those that a socket is given that asks for any. */
function hostPorts(): { low: number; high: number } {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const [low, high] = text.trim().split(/\s+/).map(Number) as [number, number];
    return { low, high };
  } catch {
    return { low: 1, high: 65_535 };
  }
}
