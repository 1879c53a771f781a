import { defineAnalysis } from "evb/analysis";

/** A user's analysis that takes its time: for tests of processes that end before it does. */
export default defineAnalysis({
  options: { ms: { default: 100 } },
  setup({ options }) {
    const never = new Int32Array(new SharedArrayBuffer(4));
    return {
      event: () => {
        Atomics.wait(never, 0, 0, options.ms);
        return undefined;
      },
    };
  },
});
