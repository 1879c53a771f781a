import { describe, expect, test } from "@jest/globals";
import { ReadsAhead } from "@evb/runner";

/** An event of 2 MB that comes from memory, and one for which the thread waited. */
const MEGABYTES = 2e6;
const FAST_SECONDS = 0.3e-3;
const SLOW_SECONDS = 20e-3;

/** Events with these numbers were slow, out of so many. */
function after(events: number, isSlow: (event: number) => boolean): ReadsAhead {
  const ahead = new ReadsAhead({});
  for (let event = 0; event < events && !ahead.isOn; event++)
    ahead.took(isSlow(event) ? SLOW_SECONDS : FAST_SECONDS, MEGABYTES);
  return ahead;
}

describe("whether reading is begun ahead", () => {
  test("is no for events that come from memory, also where a thread had to wait for a processor now and then", () => {
    expect(after(10_000, () => false).isOn).toBe(false);
    // A run begins, and all its threads with it.
    expect(after(10_000, (event) => event < 3).isOn).toBe(false);
    expect(after(10_000, (event) => event % 6 === 0).isOn).toBe(false);
  });

  test("is yes after four events that were slow, or where every third of sixteen is", () => {
    expect(after(4, () => true).isOn).toBe(true);
    expect(after(16, (event) => event % 3 === 0).isOn).toBe(true);
  });

  test("is asked anew after a gigabyte: what was read once may be in memory", () => {
    const ahead = after(4, () => true);
    for (let bytes = 0; bytes < 1.1e9; bytes += MEGABYTES) ahead.took(FAST_SECONDS, MEGABYTES);
    expect(ahead.isOn).toBe(false);
  });
});
