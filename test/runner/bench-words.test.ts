import { expect, test } from "@jest/globals";
import { begin, BENCH_WORDS, takeBack } from "@evb/runner";

test("what is taken back isn't begun by a thread that hasn't heard of it; what is begun isn't taken back", () => {
  const words = new Uint32Array(new SharedArrayBuffer(4 * BENCH_WORDS));
  expect([begin(words, 0, 0), begin(words, 1, 0)]).toEqual([true, true]);
  expect(takeBack(words)).toBe(2);
  expect(begin(words, 2, 0)).toBe(false);
  // It claimed the place for a moment only.
  expect(takeBack(words)).toBe(2);
  expect([begin(words, 2, 1), begin(words, 2, 2)]).toEqual([false, true]);
  expect(takeBack(words)).toBe(3);
});
