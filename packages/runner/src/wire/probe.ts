import { connect } from "node:net";

/** A host that drops packets, or a process that is frozen, is given up after so long. */
const PROBE_MS = 2000;
/** How every ZeroMQ peer greets (RFC 23, ZMTP 3.0: signature), before anything is said to it. */
const GREETING_BYTES = 10;
const GREETING_FIRST = 0xff;
const GREETING_LAST = 0x7f;

/** Whether a ZeroMQ socket is there and lives: anything else may listen on a port that was ours. */
export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let greeting = Buffer.alloc(0);
    const deadline = setTimeout(() => {
      end(false);
    }, PROBE_MS);
    const end = (answered: boolean): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(answered);
    };
    socket.on("data", (bytes: Buffer) => {
      greeting = Buffer.concat([greeting, bytes.subarray(0, GREETING_BYTES - greeting.length)]);
      if (greeting.length === GREETING_BYTES)
        end(greeting[0] === GREETING_FIRST && greeting.at(-1) === GREETING_LAST);
    });
    socket.once("error", () => {
      end(false);
    });
    socket.once("close", () => {
      end(false);
    });
  });
}
