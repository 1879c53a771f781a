import { expect, test } from "@jest/globals";
import { PinnedMemory } from "@evb/runner";
import { Pull, Push } from "zeromq";

const MESSAGES = 20_000;
/** Smaller ones than 128 bytes are copied as they come. */
const BYTES = 200;
/** Each keeps 8 KiB: without it the process grew by 57 MB until V8 collected them, with it by 7. */
const GROWTH_MAX = 25e6;

test("what libzmq received messages in is given back before V8 would collect them", async () => {
  const memory = new PinnedMemory();
  const pull = new Pull();
  const push = new Push();
  await pull.bind("tcp://127.0.0.1:0");
  push.connect(pull.lastEndpoint!);
  try {
    const before = process.memoryUsage().rss;
    let most = 0;
    for (let n = 0; n < MESSAGES; n++) {
      await push.send(Buffer.alloc(BYTES));
      await pull.receive();
      memory.received();
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(most).toBeLessThan(GROWTH_MAX);
  } finally {
    push.close();
    pull.close();
  }
});
