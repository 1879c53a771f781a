import { describe, expect, test } from "@jest/globals";
import { NO_STAMP, RingBytes, TYPES } from "../support/ring-bytes.ts";
import { builtOf, eventOf, headOf, listingOf, pieceOf, rawOf } from "../cli/ring-listing.ts";
import { order } from "../cli/ring-order.ts";

/** The tables of the specification's section 6, and the edges of 3, 4 and 5; expected values by hand. */
type StateName = Parameters<RingBytes["state"]>[0];
const ring = new RingBytes({ version: 11, littleEndian: true });

/** A run of one BEGIN and END (of source 1, without time stamp) round the given items. */
const run = (...items: readonly Buffer[]): Buffer[] => [
  ring.format(),
  ring.state("BEGIN_RUN", { run: 1 }, { stamp: NO_STAMP, source: 1, barrier: 1 }),
  ...items,
  ring.state("END_RUN", { run: 1 }, { stamp: NO_STAMP, source: 1, barrier: 2 }),
];

/** What lies between the BEGIN group and the END group of the output. */
async function between(items: readonly Buffer[], options: string): Promise<string[]> {
  const lines = listingOf(await order(run(...items), options));
  expect(lines.slice(0, 3)).toEqual(["RING_FORMAT", "BEGIN_RUN 1@null", "EVB_GLOM_INFO"]);
  expect(lines.at(-1)).toBe("END_RUN 1@null");
  return lines.slice(3, -1);
}

const TOP = String(2n ** 64n - 2n);

describe("a window", () => {
  test.each([
    ["is inclusive", "1@1000 2@1100", "100", ["[1000: 1@1000 2@1100]"]],
    ["ends one tick after", "1@1000 2@1101", "100", ["[1000: 1@1000]", "[1101: 2@1101]"]],
    [
      "counts from the first fragment and doesn't slide",
      "1@1000 1@1060 1@1120 1@1180",
      "100",
      ["[1000: 1@1000 1@1060]", "[1120: 1@1120 1@1180]"],
    ],
    [
      "of 0 joins equal stamps",
      "1@1000 2@1000 1@1001",
      "0",
      ["[1000: 1@1000 2@1000]", "[1001: 1@1001]"],
    ],
    ["holds in both directions", "2@1100 1@1000", "100", ["[1000: 1@1000 2@1100]"]],
    // 1091 − 950 = 141: ordered before it is cut, so that the result doesn't hang on the arrival.
    [
      "is cut after ordering",
      "1@1000 1@1091 1@950",
      "100",
      ["[950: 1@950 1@1000]", "[1091: 1@1091]"],
    ],
    ["may hold a source more than once", "1@5 1@6 2@6 1@7", "2", ["[5: 1@5 1@6 2@6 1@7]"]],
    [
      "may be larger than a signed 32-bit number",
      "1@0 1@3000000000 1@3000000001",
      "3000000000",
      ["[0: 1@0 1@3000000000]", "[3000000001: 1@3000000001]"],
    ],
    ["may be 2^64 − 1", `1@0 2@${TOP}`, "18446744073709551615", [`[0: 1@0 2@${TOP}]`]],
    // 2^64 − 2 and 5 are 7 apart only where differences wrap.
    ["doesn't wrap at 2^64", `1@5 2@${TOP}`, "100", ["[5: 1@5]", `[${TOP}: 2@${TOP}]`]],
  ])("%s", async (_, fragments, window, expected) => {
    expect(await between(rawOf(ring, fragments), `--window ${window}`)).toEqual(expected);
  });

  test("that isn't given leaves every fragment an event of its own", async () => {
    const lines = await between([builtOf(ring, "1@10 2@10"), builtOf(ring, "1@9")], "");
    expect(lines).toEqual(["[9: 1@9]", "[10: 1@10]", "[10: 2@10]"]);
  });

  test.each([
    ["60", ["[1000: 1@1000 1@1060 1@1120 1@1180]"]],
    ["59", ["[1000: 1@1000]", "[1060: 1@1060]", "[1120: 1@1120]", "[1180: 1@1180]"]],
  ])("of kind gap counts from the fragment before: %s", async (window, expected) => {
    const raw = rawOf(ring, "1@1000 1@1060 1@1120 1@1180");
    expect(await between(raw, `--window ${window} --match gap`)).toEqual(expected);
  });
});

describe("an event's time stamp", () => {
  const half = 2n ** 63n;
  const late = 2n ** 64n - 12n;
  test.each([
    ["1@1000 1@1091 1@950", "earliest", "950"],
    ["1@1000 1@1091 1@950", "latest", "1091"],
    // 3041 / 3 = 1013.67
    ["1@1000 1@1091 1@950", "average", "1013"],
    [`1@${String(half)} 2@${String(half + 30n)}`, "earliest", String(half)],
    [`1@${String(half)} 2@${String(half + 30n)}`, "latest", String(half + 30n)],
    [`1@${String(half)} 2@${String(half + 30n)}`, "average", String(half + 15n)],
    [`1@${String(late)} 2@${String(late + 10n)}`, "average", String(late + 5n)],
    [`1@${String(late)} 2@${String(late + 10n)}`, "latest", TOP],
    // The sum of 0 and an odd number is halved downwards.
    [`1@0 2@7`, "average", "3"],
  ])("of %s by policy %s is %s", async (fragments, policy, stamp) => {
    const lines = await between(rawOf(ring, fragments), `--window 200 --policy ${policy}`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^\\[${stamp}: `));
  });
});

describe("--max-fragments", () => {
  const equal = (count: number): Buffer[] => rawOf(ring, Array(count).fill("1@5").join(" "));
  /** Fragments of each event. */
  const sizes = async (count: number, options: string): Promise<number[]> =>
    (await between(equal(count), `--window 10 ${options}`)).map(
      (line) => line.split("@").length - 1,
    );

  test.each([
    ["--max-fragments 2", [2, 2, 2, 1]],
    ["--max-fragments 1", [1, 1, 1, 1, 1, 1, 1]],
    ["--max-fragments 7", [7]],
    ["--like glom --max-fragments 2", [3, 3, 1]],
    ["--like offlineevb --max-fragments 2", [3, 3, 1]],
    ["--like glom", [7]],
  ])("cuts seven equal stamps with %s to %j", async (options, expected) => {
    expect(await sizes(7, options)).toEqual(expected);
  });

  test.each([
    ["", [1002]],
    ["--like glom", [1001, 1]],
    ["--like offlineevb", [1001, 1]],
    ["--max-fragments 1000", [1000, 2]],
  ])("is for 1002 equal stamps, with %j: %j", async (options, expected) => {
    expect(await sizes(1002, options)).toEqual(expected);
  });

  test("begins the window anew where it cuts", async () => {
    const raw = rawOf(ring, "1@0 1@8 1@10 1@18 1@19");
    const lines = await between(raw, "--window 10 --max-fragments 2");
    expect(lines).toEqual(["[0: 1@0 1@8]", "[10: 1@10 1@18]", "[19: 1@19]"]);
  });
});

describe("--like", () => {
  test.each([
    ["glom", "[10: 1@10 2@12]"],
    ["offlineevb", "[12: 1@10 2@12]"],
    ["offlineevb --policy earliest", "[10: 1@10 2@12]"],
  ])("%s has its own policy, unless one is given", async (like, event) => {
    const raw = rawOf(ring, "1@10 2@12");
    expect(await between(raw, `--window 5 --like ${like}`)).toEqual([event]);
  });

  test.each(["glom", "offlineevb"])("%s switches no window on", async (like) => {
    const lines = await between(rawOf(ring, "1@10 2@10"), `--like ${like}`);
    expect(lines).toEqual(["[10: 1@10]", "[10: 2@10]"]);
  });
});

describe("order", () => {
  test("is by time stamp, then source, then arrival", async () => {
    const raw = rawOf(ring, "2@100:a 2@100:b 1@100:c 3@99:d 1@100:e 2@99:f");
    const lines = await between(raw, "--window 1000");
    expect(lines).toEqual(["[99: 2@99:f 3@99:d 1@100:c 1@100:e 2@100:a 2@100:b]"]);
  });

  test("takes time stamps from fragment headers, not from payloads", async () => {
    const payload = eventOf(ring, "1@5:payload");
    const built = ring.built({ stamp: 0n, source: 0 }, [
      { stamp: 20n, source: 1, payload },
      { stamp: 10n, source: 7, payload },
    ]);
    expect(await between([built], "")).toEqual(["[10: 7@10:payload]", "[20: 1@20:payload]"]);
  });

  test("is the same for times beyond 2^63", async () => {
    const times = [2n ** 63n, 2n ** 63n - 1n, 2n ** 64n - 2n, 1n, 2n ** 53n + 1n, 2n ** 53n];
    const raw = rawOf(ring, times.map((time) => `1@${String(time)}`).join(" "));
    const sorted = [...times].sort((a, b) => (a < b ? -1 : 1)).map(String);
    expect(await between(raw, "")).toEqual(sorted.map((time) => `[${time}: 1@${time}]`));
  });
});

describe("a fragment without time stamp", () => {
  test.each([
    [
      "takes its source's largest so far",
      "1@50 2@70 1@null:x 1@60",
      ["1@50", "1@50:x", "1@60", "2@70"],
    ],
    ["takes 0 before the first", "1@null:x 1@50 2@null:y", ["1@0:x", "2@0:y", "1@50"]],
    // The largest, not the one before: 90 had been shown.
    ["takes the largest, not the last", "1@90 1@10 1@null:x", ["1@10", "1@90", "1@90:x"]],
  ])("%s", async (_, fragments, expected) => {
    const lines = await between([builtOf(ring, fragments)], "");
    const stamp = (text: string): string => /@(\d+)/.exec(text)![1]!;
    expect(lines).toEqual(expected.map((text) => `[${stamp(text)}: ${text}]`));
  });

  test("takes it also from its source's run items", async () => {
    const items = [ring.scalers({ values: [1] }, headOf("1@80")), builtOf(ring, "1@null")];
    expect(await between(items, "")).toEqual(["PERIODIC_SCALERS 1@80", "[80: 1@80]"]);
  });

  test("keeps its payload as it was", async () => {
    const piece = pieceOf(ring, "1@null:x");
    const items = await order(run(builtOf(ring, "1@7"), ring.built(headOf("1@0"), [piece])));
    const event = items.find((item) => item.includes("x "))!;
    expect(event.subarray(32 + 20)).toEqual(piece.payload);
    expect(event.readBigUInt64LE(32)).toBe(7n);
  });
});

describe("a scaler", () => {
  const scaler = (text: string): Buffer => ring.scalers({ values: [1, 2] }, headOf(text));
  test.each([
    [
      "comes behind the event that began earlier",
      "2@1050",
      "100",
      ["[1000: 1@1000 1@1100]", "PERIODIC_SCALERS 2@1050"],
    ],
    [
      "stands between events",
      "2@1050",
      "10",
      ["[1000: 1@1000]", "PERIODIC_SCALERS 2@1050", "[1100: 1@1100]"],
    ],
    [
      "of an equal stamp and a lower source comes first",
      "0@1000",
      "100",
      ["PERIODIC_SCALERS 0@1000", "[1000: 1@1000 1@1100]"],
    ],
    [
      "of an equal stamp and a higher source comes behind",
      "2@1000",
      "100",
      ["[1000: 1@1000 1@1100]", "PERIODIC_SCALERS 2@1000"],
    ],
    [
      "of an equal stamp and source goes by arrival",
      "1@1000",
      "100",
      ["[1000: 1@1000 1@1100]", "PERIODIC_SCALERS 1@1000"],
    ],
    [
      "without stamp takes its source's largest so far",
      "1@null",
      "10",
      ["[1000: 1@1000]", "PERIODIC_SCALERS 1@null", "[1100: 1@1100]"],
    ],
    [
      "without stamp comes first where its source has shown none",
      "9@null",
      "10",
      ["PERIODIC_SCALERS 9@null", "[1000: 1@1000]", "[1100: 1@1100]"],
    ],
  ])("%s", async (_, head, window, expected) => {
    const items = [eventOf(ring, "1@1000"), scaler(head), eventOf(ring, "1@1100")];
    expect(await between(items, `--window ${window}`)).toEqual(expected);
  });

  test("does not close an event", async () => {
    const items = [...rawOf(ring, "1@10"), scaler("1@11"), ...rawOf(ring, "1@12 1@30")];
    const lines = await between(items, "--window 5");
    expect(lines).toEqual(["[10: 1@10 1@12]", "PERIODIC_SCALERS 1@11", "[30: 1@30]"]);
  });
});

describe("PAUSE and RESUME", () => {
  const state = (name: StateName, text: string, barrier: number): Buffer =>
    ring.state(name, { run: 1 }, headOf(text, barrier));

  test("stand together at the latest of them, and close the open event", async () => {
    const items = [
      ...rawOf(ring, "1@1000 1@1020 2@1040 1@1060"),
      state("PAUSE_RUN", "2@1050", 3),
      state("PAUSE_RUN", "1@1010", 3),
      state("RESUME_RUN", "1@1052", 4),
      state("RESUME_RUN", "2@1051", 4),
    ];
    expect(await between(items, "--window 1000")).toEqual([
      "[1000: 1@1000 1@1020 2@1040]",
      "PAUSE_RUN 1@1010",
      "PAUSE_RUN 2@1050",
      "RESUME_RUN 1@1052",
      "RESUME_RUN 2@1051",
      "[1060: 1@1060]",
    ]);
  });

  test("without barrier let the event go on", async () => {
    const items = [...rawOf(ring, "1@1000 1@1060"), state("PAUSE_RUN", "1@1010", 0)];
    expect(await between(items, "--window 1000")).toEqual([
      "[1000: 1@1000 1@1060]",
      "PAUSE_RUN 1@1010",
    ]);
  });

  test("group by their turn in each source", async () => {
    const items = [
      state("PAUSE_RUN", "1@10", 3),
      state("PAUSE_RUN", "1@20", 3),
      state("PAUSE_RUN", "2@15", 3),
      state("PAUSE_RUN", "2@30", 3),
      ...rawOf(ring, "1@12 1@17 1@25 1@40"),
    ];
    expect(await between(items, "")).toEqual([
      "[12: 1@12]",
      "PAUSE_RUN 1@10",
      "PAUSE_RUN 2@15",
      "[17: 1@17]",
      "[25: 1@25]",
      "PAUSE_RUN 1@20",
      "PAUSE_RUN 2@30",
      "[40: 1@40]",
    ]);
  });
});

describe("BEGIN and END", () => {
  const state = (name: "BEGIN_RUN" | "END_RUN", source: number): Buffer =>
    ring.state(name, { run: 1 }, { source, barrier: TYPES[name] });

  test("are the first and the last group, by source, wherever they lay", async () => {
    const items = [
      ring.format(),
      state("BEGIN_RUN", 2),
      ...rawOf(ring, "1@5"),
      state("END_RUN", 2),
      ring.item(TYPES.ABNORMAL_ENDRUN, { stamp: NO_STAMP, source: 1 }, Buffer.alloc(0)),
      state("BEGIN_RUN", 1),
      state("END_RUN", 1),
      ...rawOf(ring, "2@4"),
    ];
    expect(listingOf(await order(items))).toEqual([
      "RING_FORMAT",
      "BEGIN_RUN 1@null",
      "BEGIN_RUN 2@null",
      "EVB_GLOM_INFO",
      "[4: 2@4]",
      "[5: 1@5]",
      "END_RUN 1@null",
      "END_RUN 2@null",
      "ABNORMAL_ENDRUN 1@null",
    ]);
  });

  test("of the inputs are all there is: no counts and no ABNORMAL_ENDRUN are added", async () => {
    const items = [
      ring.format(),
      state("BEGIN_RUN", 1),
      ring.scalers({ values: [1] }, headOf("1@10")),
      ...rawOf(ring, "1@9"),
    ];
    const lines = listingOf(await order(items, "--window 5"));
    expect(lines).toEqual([
      "RING_FORMAT",
      "BEGIN_RUN 1@null",
      "EVB_GLOM_INFO",
      "[9: 1@9]",
      "PERIODIC_SCALERS 1@10",
    ]);
  });
});
