import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Which process on which host. */
export interface ProcessPlace {
  readonly host: string;
  readonly pid: number;
  /** When it began, in the system's own terms: a number may be another process's later. "" where it isn't told. */
  readonly begun: string;
}

export const thisProcess = (): ProcessPlace => ({
  host: hostname(),
  pid: process.pid,
  begun: begunOf(process.pid) ?? "",
});

/** Whether the process is on; of another host's nothing can be said, and of none without /proc. */
export function isOn({ host, pid, begun }: ProcessPlace): boolean {
  return host === hostname() && begun !== "" && pid !== process.pid && begunOf(pid) === begun;
}

/** Clock ticks since boot (proc_pid_stat(5), field 22); undefined of one that is gone, or ended and not reaped yet. */
function begunOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    // The second field is a name in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, begun] = [fields[0], fields[19]];
    return state === "Z" || state === "X" ? undefined : begun;
  } catch {
    return undefined;
  }
}
