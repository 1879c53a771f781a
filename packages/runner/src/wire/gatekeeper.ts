import type { Reply } from "zeromq";
import { z85 } from "./keys.ts";
import type { Zeromq } from "./zeromq.ts";

/** The only domain of ours; sockets that name it let nobody in unless the gatekeeper says so. */
export const ZAP_DOMAIN = "evb";

/**
 * Answers ZeroMQ's question who may connect (RFC 27, ZAP). Without it a CURVE server lets every key
 * in. It must be bound before the first socket that asks it, once per process.
 */
export class Gatekeeper {
  readonly #allowed: ReadonlySet<string>;
  readonly #socket: Reply;
  /** Strangers that were turned away. */
  refused = 0;

  private constructor(zeromq: Zeromq, allowed: ReadonlySet<string>) {
    this.#socket = new zeromq.Reply({ linger: 0 });
    this.#allowed = allowed;
  }

  /** @param allowed public keys, Z85 */
  static async open(zeromq: Zeromq, allowed: ReadonlySet<string>): Promise<Gatekeeper> {
    const gatekeeper = new Gatekeeper(zeromq, allowed);
    await gatekeeper.#socket.bind("inproc://zeromq.zap.01");
    void gatekeeper.#answer();
    return gatekeeper;
  }

  close(): void {
    this.#socket.close();
  }

  async #answer(): Promise<void> {
    for await (const frames of this.#socket) {
      const [version, request, domain, , , mechanism, key] = frames;
      const known =
        String(domain) === ZAP_DOMAIN &&
        String(mechanism) === "CURVE" &&
        key?.length === 32 &&
        this.#allowed.has(z85(key));
      if (!known) this.refused++;
      const verdict = known ? ["200", "OK", "client"] : ["400", "not a client of this run", ""];
      // It fails where the run ends meanwhile: then nobody is let in.
      await this.#socket
        .send([version ?? "1.0", request ?? "", ...verdict, Buffer.alloc(0)])
        .catch(() => undefined);
    }
  }
}
