import { describe, expect, test } from "@jest/globals";
import { batchEvents, type BatchNeeds } from "@evb/runner";

/** A client with a thousand batches before it, each event of which takes a second. */
const events = (needs: Partial<BatchNeeds>): number =>
  batchEvents({
    share: 1e6,
    cap: 10,
    eventBytes: 0,
    leaseBytes: 2 ** 29,
    secondsPerEvent: 1,
    ...needs,
  });

describe("a lease", () => {
  test("is 50 ms of work, one event at least, where its batch would take longer", () => {
    expect(events({ secondsPerEvent: 0.01 })).toBe(5);
    expect(events({ secondsPerEvent: 10 })).toBe(1);
  });

  test("is a batch where that is work enough", () => {
    expect(events({ secondsPerEvent: 0.0005 })).toBe(10);
    expect(events({ secondsPerEvent: 0.0003 })).toBe(10);
  });

  test("is as many whole batches as are over in 5 ms", () => {
    expect(events({ secondsPerEvent: 0.00025 })).toBe(20);
    expect(events({ secondsPerEvent: 0.00017 })).toBe(20);
    expect(events({ cap: 1, secondsPerEvent: 0.00017 })).toBe(29);
    expect(events({ cap: 1, secondsPerEvent: 1e-6 })).toBe(5000);
  });

  test("is one batch of two events at most where nobody knows what an event takes", () => {
    expect(events({ secondsPerEvent: undefined })).toBe(2);
    expect(events({ cap: 1, secondsPerEvent: undefined })).toBe(1);
  });

  test("is half of the client's share at most, however short its batches are", () => {
    expect(events({ cap: 1, share: 100, secondsPerEvent: 1e-6 })).toBe(50);
    expect(events({ cap: 1, share: 1, secondsPerEvent: 1e-6 })).toBe(1);
    expect(events({ cap: 1, share: 0.2, secondsPerEvent: 1e-6 })).toBe(1);
  });

  test("has as many bytes as the client may have, but one event, and 20,000 events at most", () => {
    expect(events({ cap: 1000, secondsPerEvent: 1e-4, eventBytes: 2 ** 24 })).toBe(32);
    expect(events({ cap: 1000, secondsPerEvent: 1e-4, eventBytes: 2 ** 40 })).toBe(1);
    expect(events({ cap: 1e6, secondsPerEvent: 1e-6 })).toBe(20_000);
  });
});
