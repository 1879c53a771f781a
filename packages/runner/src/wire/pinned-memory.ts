import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * So many messages are let go together: 1 MiB. V8 would collect them after 30,000 and more, as a message is small; the
 * coordinator of 64 clients had 500 MB of them.
 */
const MESSAGES = 128;

type Collect = (how: { readonly type: "minor" }) => void;

/**
 * Messages that came over TCP each keep the 8 KiB that libzmq received them in, until V8 has collected them; it
 * counts their own bytes only. This has it collect what is young, which takes less than a millisecond.
 */
export class PinnedMemory {
  readonly #collect: Collect = collector();
  #messages = 0;

  /** One more message was received, and will be of no use when this turn is over. */
  received(): void {
    if (++this.#messages < MESSAGES) return;
    this.#messages = 0;
    this.#collect({ type: "minor" });
  }
}

/** V8 gives it to scripts that begin while the flag is set. */
function collector(): Collect {
  setFlagsFromString("--expose-gc");
  try {
    return runInNewContext("gc") as Collect;
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
