import { readdirSync, readFileSync, statSync } from "node:fs";

/** What a client takes of a coordinator: its lane 5, its connections to results and join 1 each (12 clients, 2026-11-27). */
const CLIENT_DESCRIPTORS = 7;
/** A mailbox, a listener, two of the lane's events, and the connection that comes. */
const LANE_DESCRIPTORS = 5;
/** Are left free, for the files of the run and for clients that wait to be let in. */
const SPARE_DESCRIPTORS = 32;

/**
 * File descriptors of this process. libzmq ends the process where a port is bound and none is left ("Too many
 * open files", ip_resolver.cpp), so they are counted before.
 */
export class Descriptors {
  /** The soft limit: Node has raised it to the hard one. */
  readonly max = openFilesMax();

  /** How many so many clients need, the first of which has still to come. */
  neededBy(clients: number): number {
    return openFiles() + SPARE_DESCRIPTORS + clients * CLIENT_DESCRIPTORS;
  }

  /** @param connections that are still to come, to other lanes */
  haveLane(connections: number): boolean {
    return openFiles() + connections + LANE_DESCRIPTORS + SPARE_DESCRIPTORS <= this.max;
  }
}

/** Before Linux 6.2 they must be counted: 14 ms for 7,000 (2026-11-27). Without /proc nothing is known, and nothing refused. */
function openFiles(): number {
  try {
    return statSync("/proc/self/fd").size || readdirSync("/proc/self/fd").length;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EMFILE" ? Infinity : 0;
  }
}

function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return soft === null ? Infinity : Number(soft[1]);
  } catch {
    return Infinity;
  }
}
