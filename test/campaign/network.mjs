// Hosts as network namespaces, joined by a bridge: what is cut, dropped or reset here is lost as on a
// real network, which the loopback can't show. Needs root, iproute2 and nftables. The kernel's
// sch_netem isn't needed: links are cut at the bridge, packets are dropped by nftables.
//
//   <name>sw: bridge br0 ── p0 ═ eth0 of <name>h0 (10.77.0.1, the coordinator)
//                        ── p1 ═ eth0 of <name>h1 (10.77.0.2, a client) …
import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

const execute = promisify(execFile);
/** All namespaces of this program: `evbc`, its process number, and more. */
const PREFIX = "evbc";
const NAMESPACES = "/run/netns";
const COMMAND_MS_MAX = 20_000;
const IP = "ip";
const TABLE = "evbfault";

/** One bridge and its hosts, 0 … hosts − 1. */
export class Network {
  #name;
  #hosts;

  /** @param {string} name @param {number} hosts */
  constructor(name, hosts) {
    this.#name = name;
    this.#hosts = hosts;
  }

  /**
   * Makes it, or nothing.
   *
   * @param {{ tag: string, hosts: number, linked?: boolean }} order tag: tells networks of one process
   * apart; linked false: hosts alone, without a bridge
   */
  static async make({ tag, hosts, linked = true }) {
    const network = new Network(`${PREFIX}${process.pid}${tag}`, hosts);
    try {
      await (linked ? network.#make() : network.#makeHosts());
    } catch (thrown) {
      network.remove();
      throw thrown;
    }
    return network;
  }

  async #make() {
    const bridge = this.#bridge();
    await ip("netns", "add", bridge);
    await ip("-n", bridge, "link", "add", "br0", "type", "bridge", "forward_delay", "0");
    await ip("-n", bridge, "link", "set", "br0", "up");
    for (let host = 0; host < this.#hosts; host++) {
      const space = this.space(host);
      await ip("netns", "add", space);
      const peer = ["type", "veth", "peer", "name", "eth0", "netns", space];
      await ip("link", "add", `p${host}`, "netns", bridge, ...peer);
      await ip("-n", bridge, "link", "set", `p${host}`, "master", "br0", "up");
      await ip("-n", space, "addr", "add", `${this.address(host)}/24`, "dev", "eth0");
      await ip("-n", space, "link", "set", "eth0", "up");
      await ip("-n", space, "link", "set", "lo", "up");
    }
  }

  async #makeHosts() {
    for (let host = 0; host < this.#hosts; host++) await ip("netns", "add", this.space(host));
  }

  /** @param {number} host */
  address(host) {
    return `10.77.0.${host + 1}`;
  }

  /**
   * What to put before a command to run it on the host. `ip netns exec` would mount /sys anew.
   *
   * @param {number} host
   */
  prefix(host) {
    return ["nsenter", `--net=${NAMESPACES}/${this.space(host)}`];
  }

  /** Ends all that runs on the host, as when its power fails; its address stays. @param {number} host */
  crash(host) {
    killAllIn(this.space(host));
  }

  /** Cuts the host's link both ways. No error is seen: packets are lost. @param {number} host */
  async cut(host) {
    await ip("-n", this.#bridge(), "link", "set", `p${host}`, "down");
  }

  /** @param {number} host */
  async join(host) {
    await ip("-n", this.#bridge(), "link", "set", `p${host}`, "up");
  }

  /**
   * What the host does with its packets until {@link pass}: a chain of nftables and its rules.
   *
   * @param {number} host
   * @param {{ hook: "input" | "output", policy?: "accept" | "drop", rules?: readonly string[] }} filter
   */
  async filter(host, { hook, policy = "accept", rules = [] }) {
    const chain = `type filter hook ${hook} priority 0; policy ${policy};`;
    const lines = [chain, ...rules].join("\n");
    await this.#nft(host, `table ip ${TABLE} {\nchain fault {\n${lines}\n}\n}\n`);
  }

  /** @param {number} host */
  async pass(host) {
    await this.#nft(host, `delete table ip ${TABLE}`);
  }

  /** Ends what still runs in it, and leaves nothing behind. Waits, as it is called at the very end, too. */
  remove() {
    removeSpaces(spaces().filter((space) => space.startsWith(this.#name)));
  }

  #bridge() {
    return `${this.#name}sw`;
  }

  /** Its name below /run/netns. @param {number} host */
  space(host) {
    return `${this.#name}h${host}`;
  }

  async #nft(host, command) {
    const [enter, ...words] = this.prefix(host);
    await execute(enter, [...words, "nft", command], { timeout: COMMAND_MS_MAX });
  }
}

/** Removes what a campaign that was killed left behind: its process is gone. */
export function removeForsaken() {
  const forsaken = spaces().filter((space) => {
    const pid = new RegExp(`^${PREFIX}(\\d+)[a-z]`).exec(space)?.[1];
    return pid !== undefined && !isOn(Number(pid));
  });
  removeSpaces(forsaken);
}

const ip = (...words) => execute(IP, words, { timeout: COMMAND_MS_MAX });

function spaces() {
  try {
    return readdirSync(NAMESPACES);
  } catch {
    return []; // There has been none since the machine started.
  }
}

const call = (...words) =>
  spawnSync(IP, words, { encoding: "utf8", timeout: COMMAND_MS_MAX }).stdout ?? "";

function removeSpaces(names) {
  for (const name of names) {
    killAllIn(name);
    call("netns", "del", name);
  }
}

function killAllIn(space) {
  for (const pid of call("netns", "pids", space).split("\n").filter(Boolean))
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
}

function isOn(pid) {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
