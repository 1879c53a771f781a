import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterHosts } from "./cluster-hosts.ts";
import { pause } from "./run-links.ts";
import type { Ran } from "./system.ts";

/** Where people log in and submit, and where slurmctld is. */
const LOGIN = "ctl";
const CPUS_PER_NODE = 2;
/** Four nodes need a second. */
const START_MS = 20_000;
/** The longest wait of these tests is that for a node's death: 20 s. */
const PATIENCE_MS = 75_000;
const POLL_MS = 200;

/** What `scontrol show job` says. */
export interface JobState {
  /** PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL … */
  readonly state: string;
  readonly exitCode: number;
  readonly nodes: string;
}

/**
 * A real Slurm: controller and nodes n1, n2, … in network namespaces with addresses and host names of
 * their own. It uses a key of its own and nothing below /etc.
 *
 *   ctl 10.77.0.1: munged, slurmctld     n1 10.77.0.2: slurmd     n2 10.77.0.3: slurmd …
 */
export class SlurmCluster {
  readonly folder: string;
  readonly nodes: readonly string[];
  readonly hosts: ClusterHosts;

  private constructor(folder: string, hosts: ClusterHosts) {
    this.folder = folder;
    this.hosts = hosts;
    this.nodes = hosts.names.slice(1);
  }

  /** Starts it, or leaves nothing behind. @param folder empty; of an absolute path below 60 characters */
  static async begin(folder: string, nodeCount: number): Promise<SlurmCluster> {
    const nodes = Array.from({ length: nodeCount }, (_, row) => `n${String(row + 1)}`);
    const cluster = new SlurmCluster(folder, await ClusterHosts.begin("slurm", [LOGIN, ...nodes]));
    try {
      await cluster.#start();
      return cluster;
    } catch (thrown) {
      cluster.end();
      throw thrown;
    }
  }

  async #start(): Promise<void> {
    for (const name of ["state", "log", "run", "spool"]) mkdirSync(join(this.folder, name));
    writeFileSync(this.#in("munge.key"), randomBytes(128), { mode: 0o400 });
    writeFileSync(this.#in("slurm.conf"), this.#configuration());
    await this.#daemon(LOGIN, [
      ...["munged", "--force", `--key-file=${this.#in("munge.key")}`],
      ...[`--socket=${this.#in("run/munge.sock")}`, `--pid-file=${this.#in("run/munged.pid")}`],
      ...[`--log-file=${this.#in("log/munged.log")}`, `--seed-file=${this.#in("run/munged.seed")}`],
    ]);
    await this.#daemon(LOGIN, ["slurmctld", "-c", "-f", this.#in("slurm.conf")]);
    for (const node of this.nodes) await this.startNode(node);
    const deadline = performance.now() + START_MS;
    while ((await this.#idle()) < this.nodes.length)
      if (performance.now() > deadline) throw new Error(`Slurm didn't start: ${this.logs()}`);
  }

  /** Starts a node's daemon; also of one that crashed. */
  async startNode(node: string): Promise<void> {
    mkdirSync(this.#in(`spool/${node}`), { recursive: true });
    await this.#daemon(node, ["slurmd", "-N", node, "-f", this.#in("slurm.conf"), "-c"]);
  }

  /** Ends all daemons and all that they started. */
  end(): void {
    this.hosts.end();
  }

  /** Runs a command as somebody does who has logged in. */
  run(command: readonly string[], stdin?: string): Promise<Ran> {
    const env = { SLURM_CONF: this.#in("slurm.conf") };
    return this.hosts.run(LOGIN, command, { env, cwd: this.folder, ...(stdin && { stdin }) });
  }

  /** The same of one that must succeed; what it printed. */
  async output(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${String(code)} ${stdout}${stderr}`);
    return stdout;
  }

  /** sbatch reads the script from stdin. @returns the job's number */
  async submit(script: string, ...options: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(["sbatch", "--parsable", ...options], script);
    if (code !== 0) throw new Error(`sbatch: ${String(code)} ${stdout}${stderr}`);
    return stdout.trim();
  }

  async job(job: string): Promise<JobState> {
    const text = await this.output("scontrol", "--oneliner", "show", "job", job);
    const field = (name: string): string => new RegExp(`\\b${name}=(\\S*)`).exec(text)?.[1] ?? "";
    return {
      state: field("JobState"),
      exitCode: Number(field("ExitCode").split(":")[0]),
      nodes: field("NodeList"),
    };
  }

  /** Waits until the job is in this state. */
  async untilJob(job: string, what: RegExp): Promise<JobState> {
    let last: JobState | undefined;
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      last = await this.job(job);
      if (what.test(last.state)) return last;
      await pause(POLL_MS);
    }
    throw new Error(`job ${job} isn't ${String(what)} but ${last?.state ?? "unknown"}`);
  }

  /** Waits for the job's end. */
  ended(job: string): Promise<JobState> {
    return this.untilJob(job, /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$/);
  }

  /**
   * A job that is queued again begins 120 s later; the administrator's way to begin it now. Not at once:
   * nodes refuse what was granted in the second in which the last run was ended ("Job credential revoked").
   */
  async beginNow(job: string): Promise<void> {
    await this.untilJob(job, /^PENDING$/);
    const start = ["scontrol", "update", `JobId=${job}`, "StartTime=now+2"];
    // While what is left of the last run is cleared away it can't be changed.
    for (let left = PATIENCE_MS / POLL_MS; (await this.run(start)).code !== 0; left--) {
      if (left <= 0) throw new Error(`job ${job} can't be started again`);
      await pause(POLL_MS);
    }
  }

  /** What all daemons wrote, for a failure's message. */
  logs(): string {
    return readdirSync(this.#in("log"))
      .map((name) => `${name}:\n${readFileSync(this.#in(`log/${name}`), "utf8").slice(-2000)}`)
      .join("\n");
  }

  #in(name: string): string {
    return join(this.folder, name);
  }

  /** Daemons go into the background by themselves. */
  async #daemon(host: string, command: readonly string[]): Promise<void> {
    const env = { SLURM_CONF: this.#in("slurm.conf") };
    const { code, stderr } = await this.hosts.run(host, command, { env });
    if (code !== 0) throw new Error(`${command[0]!} ended with ${String(code)}: ${stderr}`);
  }

  async #idle(): Promise<number> {
    const { stdout } = await this.run(["sinfo", "-h", "-N", "-t", "idle", "-o", "%T"]);
    return stdout.split("\n").filter((line) => line === "idle").length;
  }

  /**
   * Without cgroups and accounting (proctrack/linuxproc, task/none, jobacct_gather/none), as the tests'
   * machine may lack them; jobs begin at once (bf_interval, sched_min_interval, batch_sched_delay); a
   * node's death is seen in some 15 s (SlurmdTimeout), not in minutes.
   */
  #configuration(): string {
    const lines = [
      "ClusterName=evbtest",
      `SlurmctldHost=${LOGIN}(${this.hosts.addressOf(LOGIN)})`,
      "AuthType=auth/munge",
      `AuthInfo=socket=${this.#in("run/munge.sock")}`,
      "CredType=cred/munge",
      "SlurmUser=root",
      "SlurmdUser=root",
      `StateSaveLocation=${this.#in("state")}`,
      `SlurmdSpoolDir=${this.#in("spool/%n")}`,
      `SlurmctldPidFile=${this.#in("run/slurmctld.pid")}`,
      `SlurmdPidFile=${this.#in("run/slurmd-%n.pid")}`,
      `SlurmctldLogFile=${this.#in("log/slurmctld.log")}`,
      `SlurmdLogFile=${this.#in("log/slurmd-%n.log")}`,
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "JobAcctGatherType=jobacct_gather/none",
      "SwitchType=switch/none",
      "MpiDefault=none",
      "ReturnToService=2",
      "JobRequeue=1",
      "KillWait=5",
      "MinJobAge=600",
      "SlurmctldTimeout=10",
      "SlurmdTimeout=10",
      "MessageTimeout=5",
      "TCPTimeout=2",
      "SlurmdParameters=config_overrides",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_CPU",
      "SchedulerParameters=bf_interval=1,sched_min_interval=0,batch_sched_delay=0",
      ...this.nodes.map((node) => {
        const place = `NodeHostname=${node} NodeAddr=${this.hosts.addressOf(node)}`;
        return `NodeName=${node} ${place} CPUs=${String(CPUS_PER_NODE)} State=UNKNOWN`;
      }),
      "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
    ];
    return `${lines.join("\n")}\n`;
  }
}

/** What a job wrote to its log; "" before it began. */
export const logOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
