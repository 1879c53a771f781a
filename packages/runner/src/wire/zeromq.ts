import type * as zmq from "zeromq";

export type Zeromq = typeof zmq;

/** Loaded with the first socket: a run inside one process has none, and the library takes 11 ms. */
export const loadZeromq = (): Promise<Zeromq> => import("zeromq");
