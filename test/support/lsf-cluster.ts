import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClusterHosts } from "./cluster-hosts.ts";
import { pause } from "./run-links.ts";
import type { Ran } from "./system.ts";

const STUB = fileURLToPath(new URL("../lsf", import.meta.url));
const COMMANDS = ["bsub", "blaunch", "bkill", "brequeue", "bjobs"];
const LOGIN = "login";
const SLOTS = 4;
const PATIENCE_MS = 75_000;
const POLL_MS = 200;

/** A stub of LSF (test/lsf), whose hosts h1, h2, … are network namespaces: not LSF, and only stricter. */
export class LsfCluster {
  readonly folder: string;
  readonly hosts: ClusterHosts;

  private constructor(folder: string, hosts: ClusterHosts) {
    this.folder = folder;
    this.hosts = hosts;
  }

  static async begin(folder: string, hostCount: number): Promise<LsfCluster> {
    const names = Array.from({ length: hostCount }, (_, row) => `h${String(row + 1)}`);
    const cluster = new LsfCluster(folder, await ClusterHosts.begin("lsf", [LOGIN, ...names]));
    const hosts = names.map((name) => {
      return { name, slots: SLOTS, enter: cluster.hosts.words(name, []) };
    });
    const queues = ["normal", "psnehq"];
    writeFileSync(join(folder, "cluster.json"), JSON.stringify({ hosts, queues }));
    mkdirSync(join(folder, "bin"));
    for (const name of COMMANDS) {
      const path = join(folder, "bin", name);
      writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${STUB}/${name}.mjs" "$@"\n`);
      chmodSync(path, 0o755);
    }
    return cluster;
  }

  end(): void {
    this.hosts.end();
  }

  /** Runs a command as somebody does who has logged in. */
  run(command: readonly string[], stdin = ""): Promise<Ran> {
    const path = `${join(this.folder, "bin")}:${process.env["PATH"]!}`;
    const env = { EVB_LSF: this.folder, PATH: path };
    return this.hosts.run(LOGIN, command, { env, cwd: this.folder, stdin });
  }

  /** The same of one that must succeed; what it printed. */
  async output(command: readonly string[], stdin = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, stdin);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${String(code)} ${stdout}${stderr}`);
    return stdout;
  }

  /** `bsub < script`. @returns the job's number */
  async submit(script: string, ...options: string[]): Promise<string> {
    return /Job <(\d+)>/.exec(await this.output(["bsub", ...options], script))![1]!;
  }

  /** As bjobs says it: DONE 0, EXIT and its exit code, RUN -, PEND -. */
  async stateOf(job: string): Promise<string> {
    return (await this.output(["bjobs", "-noheader", "-o", "stat exit_code", job])).trim();
  }

  /** Waits for the job's end. */
  async ended(job: string): Promise<string> {
    let state = "";
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      state = await this.stateOf(job);
      if (/^(DONE|EXIT)/.test(state)) return state;
      await pause(POLL_MS);
    }
    throw new Error(`job ${job} doesn't end, but is ${state}`);
  }
}
