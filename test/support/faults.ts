import { EvbError } from "@evb/event";

/** What the call threw, which must be one of our faults: a test then reads tag, sentence and exit code. */
export async function faultOf(call: () => unknown): Promise<EvbError> {
  try {
    await call();
  } catch (thrown) {
    if (thrown instanceof EvbError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
