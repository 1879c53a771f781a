import { describe, expect, test } from "@jest/globals";
import { countText } from "@evb/watch";

describe("a count", () => {
  test.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [123456, "123,456"],
    [1234567, "1,234,567"],
    [2 ** 53, "9,007,199,254,740,992"],
    [-1000, "-1,000"],
  ])("%d is written %s", (count, text) => {
    expect(countText(count)).toBe(text);
  });
});
