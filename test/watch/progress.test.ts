import { describe, expect, test } from "@jest/globals";
import { bytesText, ProgressBar, progressLine, secondsText } from "@evb/watch";

const perSecond = (value: number): string => `${bytesText(value)}/s`;

/** A terminal and a clock that the test moves. */
function screen(isTTY: boolean): { written: string[]; bar: ProgressBar; at: (ms: number) => void } {
  const written: string[] = [];
  let nowMs = 0;
  const terminal = { isTTY, columns: 80, write: (text: string) => written.push(text) };
  const bar = new ProgressBar(terminal, "writing", perSecond, () => nowMs);
  return {
    written,
    bar,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

describe("a progress bar", () => {
  test("says share, rate and time left", () => {
    // 2 of 8 GB in 4 s: 0.5 GB/s, so 12 s for the other 6 GB.
    const line = progressLine({
      label: "writing",
      done: 2e9,
      total: 8e9,
      seconds: 4,
      columns: 80,
      rate: perSecond,
    });
    expect(line).toMatch(/^writing \[#+-+\] {2}25 % {2}500 MB\/s {2}12.0 s left$/);
  });

  test.each([40, 60, 80, 200])("fits a terminal of %i columns", (columns) => {
    const line = progressLine({
      label: "scanning",
      done: 123,
      total: 456,
      seconds: 7,
      columns,
      rate: perSecond,
    });
    expect(line.length).toBeLessThan(columns);
  });

  test("is drawn ten times a second at most, and at the end", () => {
    const { written, bar, at } = screen(true);
    for (let ms = 0; ms <= 1000; ms += 10) {
      at(ms);
      bar.show(ms, 2000);
    }
    expect(written.length).toBe(11);
    bar.show(2000, 2000);
    expect(written.at(-1)).toMatch(/100 %/);
  });

  test("isn't drawn where there is no terminal", () => {
    const { written, bar } = screen(false);
    bar.show(1, 2);
    bar.clear();
    expect(written).toEqual([]);
  });

  test("of nothing is done", () => {
    expect(
      progressLine({ label: "x", done: 0, total: 0, seconds: 0, columns: 80, rate: perSecond }),
    ).toMatch(/100 %/);
  });
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1500, "1.50 kB"],
  [1.65e9, "1.65 GB"],
  [2e12, "2.00 TB"],
])("%d bytes are %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0.4212, "0.42 s"],
  [12.34, "12.3 s"],
  [185, "3 min 5 s"],
  [7260, "2 h 1 min"],
])("%d seconds are %s", (seconds, text) => {
  expect(secondsText(seconds)).toBe(text);
});
