import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { setTimeout } from "node:timers/promises";

/** An IPv4 address of this host, loopback left out. */
export interface OwnAddress {
  readonly interface: string;
  readonly address: string;
}

/** What is known of a host, to choose from. */
export interface HostPlaces {
  /** What its own name resolves to; none where it is unknown. */
  readonly named: readonly string[];
  readonly own: readonly OwnAddress[];
  /** The text of /proc/net/route; "" where there is none. */
  readonly routes: string;
}

const LOOPBACK = "127.0.0.1";
/** A name server that is away answers after 10 s or more; a batch job's hosts are often in none. */
const NAME_MS_MAX = 2000;

/**
 * The address by which other hosts reach this one, as far as it can be found out here: see
 * {@link reachableAddress}. Loopback where the host has no other.
 */
export async function ownAddress(): Promise<string> {
  const named = await addressesOf(hostname());
  return reachableAddress({ named, own: ownAddresses(), routes: routes() }) ?? LOOPBACK;
}

/**
 * Where to listen to be reached as `host`: that address if it is one of this host's, else the
 * {@link ownAddress} (a name of the outside, or of another network).
 */
export async function addressFor(host: string): Promise<string> {
  if (host === "localhost" || host.startsWith("127.")) return LOOPBACK;
  const own = ownAddresses().map(({ address }) => address);
  const wanted = await addressesOf(host);
  return wanted.find((address) => own.includes(address)) ?? ownAddress();
}

/**
 * The address of the host's own name, as the other hosts of a cluster use it. Where the name is
 * unknown, or leads to loopback (as Debian writes it into /etc/hosts) or to another host: that of the
 * interface with the default route; else the first one. Undefined where there is loopback only.
 */
export function reachableAddress({ named, own, routes }: HostPlaces): string | undefined {
  const byName = named.find((name) => own.some(({ address }) => address === name));
  const gate = defaultInterface(routes);
  const byRoute = own.find((each) => each.interface === gate)?.address;
  return byName ?? byRoute ?? own[0]?.address;
}

/** Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask …; the least metric wins (proc_pid_net(5)). */
function defaultInterface(routes: string): string | undefined {
  const rows = routes
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => row[1] === "00000000" && row[7] === "00000000");
  return rows.sort((one, other) => Number(one[6]) - Number(other[6]))[0]?.[0];
}

export const ownAddresses = (): OwnAddress[] =>
  Object.entries(networkInterfaces()).flatMap(([name, places]) =>
    places!
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => ({ interface: name, address })),
  );

async function addressesOf(host: string): Promise<readonly string[]> {
  const late = new AbortController();
  const found = lookup(host, { family: 4, all: true }).then(
    (places) => places.map(({ address }) => address),
    () => [],
  );
  const nothing = setTimeout(NAME_MS_MAX, [], { signal: late.signal }).catch(() => []);
  const addresses = await Promise.race([found, nothing]);
  late.abort();
  return addresses;
}

function routes(): string {
  try {
    return readFileSync("/proc/net/route", "utf8");
  } catch {
    return "";
  }
}
