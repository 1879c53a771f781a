import { execFile, spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Network } from "../campaign/network.mjs";
import type { Ran } from "./system.ts";

const SWITCH = fileURLToPath(new URL("slow-switch.py", import.meta.url));
/** No command of these tests takes longer. */
const COMMAND_MS_MAX = 90_000;

interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
}

/**
 * Hosts that have an address and a name of their own and share the file system; as on many clusters
 * their names are in no table and no name server.
 */
export class ClusterHosts {
  readonly network: Network;
  /** names[0] has 10.77.0.1, names[1] 10.77.0.2, … */
  readonly names: readonly string[];
  #switch: ChildProcess | undefined;

  private constructor(network: Network, names: readonly string[]) {
    this.network = network;
    this.names = names;
  }

  /** @param tag tells clusters of one test process apart: letters */
  static async begin(tag: string, names: readonly string[]): Promise<ClusterHosts> {
    return new ClusterHosts(await Network.make({ tag, hosts: names.length }), names);
  }

  /**
   * The same on a slow network that loses frames: a switch in a program is between them.
   *
   * @param wire delayMs: one way; lossPercent: of frames; seed: which ones
   */
  static async beginSlow(
    tag: string,
    names: readonly string[],
    wire: { readonly delayMs: number; readonly lossPercent: number; readonly seed: number },
  ): Promise<ClusterHosts> {
    const network = await Network.make({ tag, hosts: names.length, linked: false });
    const hosts = new ClusterHosts(network, names);
    try {
      const places = names.map((_, row) => `${network.space(row)}=${network.address(row)}`);
      const words = [wire.delayMs, wire.lossPercent, wire.seed].map(String);
      hosts.#switch = await switchOn([...words, ...places]);
      return hosts;
    } catch (thrown) {
      hosts.end();
      throw thrown;
    }
  }

  end(): void {
    this.#switch?.kill("SIGKILL");
    this.network.remove();
  }

  addressOf(name: string): string {
    return this.network.address(this.#hostOf(name));
  }

  /** The words that run a command on a host. */
  words(name: string, command: readonly string[]): [string, ...string[]] {
    const named = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', name];
    return [...this.network.prefix(this.#hostOf(name)), ...named, ...command];
  }

  /** Runs a command on a host to its end. */
  run(name: string, command: readonly string[], around: Surroundings = {}): Promise<Ran> {
    const [program, ...args] = this.words(name, command);
    const { stdin, env, ...options } = around;
    const begun = performance.now();
    return new Promise((resolve) => {
      const all = { ...options, env: { ...process.env, ...env }, timeout: COMMAND_MS_MAX };
      const child = execFile(program, args, all, (failure, stdout, stderr) => {
        const code = failure === null ? 0 : typeof failure.code === "number" ? failure.code : null;
        resolve({ code, stdout, stderr, seconds: (performance.now() - begun) / 1000 });
      });
      if (stdin !== undefined) child.stdin!.end(stdin);
    });
  }

  /** Starts a command on a host; whoever waits for it listens to the child. */
  start(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const [program, ...args] = this.words(name, command);
    return spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** All that runs on the host ends, as when its power fails. */
  crash(name: string): void {
    this.network.crash(this.#hostOf(name));
  }

  #hostOf(name: string): number {
    const host = this.names.indexOf(name);
    if (host < 0) throw new Error(`no host ${name}`);
    return host;
  }
}

/** Starts it and waits until all hosts are linked; it ends with its stdin. */
function switchOn(words: readonly string[]): Promise<ChildProcess> {
  const child = spawn("/usr/bin/python3", [SWITCH, ...words], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => {
      resolve(child);
    });
    child.once("close", () => {
      reject(new Error(`the switch ended: ${said}`));
    });
  });
}
