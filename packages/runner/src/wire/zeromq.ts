import type * as zmq from "zeromq";

export type Zeromq = typeof zmq;

/** Loaded with the first socket: a run inside one process has none, and the library takes 11 ms. */
export const loadZeromq = (): Promise<Zeromq> => import("zeromq");

/** libzmq gives up where a signal comes just then: before it has done anything. */
export function connectSocket(socket: Pick<zmq.Socket, "connect">, endpoint: string): void {
  for (;;)
    try {
      socket.connect(endpoint);
      return;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EINTR") throw thrown;
    }
}
