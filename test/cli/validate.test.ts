import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf, type Ended } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes, WRITERS, type FragmentBytes } from "../support/ring-bytes.ts";

const v11 = new RingBytes({ version: 11, littleEndian: true });

type Items = readonly Uint8Array[];

/** Writes files of these items and validates as the words say. */
function validate(files: Readonly<Record<string, Items>>, words: string): Promise<Ended> {
  return inFolder((folder) => {
    for (const [name, items] of Object.entries(files))
      writeFileSync(join(folder, name), Buffer.concat(items));
    return evb(["validate", ...words.split(" ").filter(Boolean)], folder);
  });
}

interface Report {
  readonly problemCount: number;
  readonly problemCounts: Readonly<Record<string, number>>;
  readonly problems: readonly {
    kind: string;
    file: string;
    offset: number;
    item: number;
    sentence: string;
  }[];
  readonly warnings: readonly string[];
  readonly against: {
    readonly inputs: { fragments: number; runItems: number };
    readonly outputs: { fragments: number; runItems: number };
  };
}

async function report(files: Readonly<Record<string, Items>>, words: string): Promise<Report> {
  return JSON.parse((await validate(files, `${words} --json`)).stdout) as Report;
}

const begin = (ring: RingBytes, source = 1): Buffer =>
  ring.state("BEGIN_RUN", { run: 5 }, { source, barrier: 1 });
const end = (ring: RingBytes, source = 1): Buffer =>
  ring.state("END_RUN", { run: 5 }, { source, barrier: 2 });

/** One fragment an event, as `evb order` writes without a window. */
const alone = (ring: RingBytes, fragment: FragmentBytes): Buffer =>
  ring.built({ stamp: fragment.stamp ?? 0n, source: 0 }, [fragment]);

describe("evb validate", () => {
  test("finds nothing wrong with a whole run in order", async () => {
    const run = [
      v11.format(),
      begin(v11),
      v11.built({ stamp: 10n }, [v11.hit(10n, 1, [1]), v11.hit(10n, 2, [2])]),
      v11.hit(11n, 1, [3]).payload,
      end(v11),
    ];
    const ended = await validate({ "run-0005-00.evt": run }, "run-0005-00.evt");
    // 16 + 125 + (28 + 4 + 2 × 49) + 29 + 125 bytes.
    expect(ended).toEqual({
      code: 0,
      stdout: "1 file, 5 items, 425 bytes\nno problem found\n",
      stderr: "",
    });
  });

  test("lists each fragment that steps back in file order, also over a segment's end", async () => {
    const { problems, problemCounts, warnings } = await report(
      {
        "run-0005-00.evt": [
          begin(v11),
          alone(v11, v11.hit(50n, 1, [])),
          alone(v11, v11.hit(49n, 2, [])),
        ],
        "run-0005-01.evt": [
          alone(v11, v11.hit(48n, 1, [])),
          alone(v11, v11.hit(48n, 2, [])),
          end(v11),
        ],
      },
      "run-0005-01.evt run-0005-00.evt",
    );
    expect(problemCounts).toEqual({ "backward step": 2 });
    expect(warnings).toEqual([]);
    expect(problems).toEqual([
      {
        kind: "backward step",
        file: "run-0005-00.evt",
        // 125 + (28 + 4 + 20 + 28).
        offset: 205,
        item: 2,
        sentence:
          "run-0005-00.evt, byte 205 (item 2): a fragment of source 2 has time stamp 49, behind one with 50",
      },
      {
        kind: "backward step",
        file: "run-0005-01.evt",
        offset: 0,
        item: 0,
        sentence:
          "run-0005-01.evt, byte 0 (item 0): a fragment of source 1 has time stamp 48, behind one with 49",
      },
    ]);
  });

  test("lists all damage, and goes on behind it", async () => {
    const hits = [1n, 2n, 3n, 4n, 5n].map((stamp) => v11.hit(stamp, 1, [1, 2, 3, 4]).payload);
    const wrongCount = v11.built({ stamp: 3n }, [v11.hit(3n, 1, [1])], { count: 11 });
    const { problems } = await report(
      {
        "a.evt": [
          begin(v11),
          ...hits,
          Buffer.alloc(9),
          ...hits,
          wrongCount,
          ...hits,
          Buffer.alloc(3),
        ],
      },
      "a.evt",
    );
    const damage = problems.filter(({ kind }) => kind === "damage");
    // 125 + 5 × 32 = 285; 285 + 9 + 160 = 454; 454 + 81 + 160 = 695.
    expect(damage.map(({ offset, item }) => [offset, item])).toEqual([
      [285, 6],
      [454, 12],
      [695, 18],
    ]);
    expect(damage[1]!.sentence).toContain("its event has 53 bytes, and says 11");
  });

  test("lists a body header that doesn't fit, and a damaged event within an event", async () => {
    const bad = v11.state("BEGIN_RUN", { run: 5 }, { source: 1 });
    bad.writeUInt32LE(1000, 8);
    const inner = v11.built({ stamp: 1n }, [v11.hit(1n, 1, [1])], { count: 11 });
    const { problems } = await report(
      { "a.evt": [bad, v11.built({ stamp: 1n }, [{ stamp: 1n, source: 9, payload: inner }])] },
      "a.evt",
    );
    expect(problems.map(({ kind, sentence }) => [kind, sentence])).toEqual([
      [
        "structure",
        "a.evt, byte 0 (item 0): its body header is larger than the item, or of a size that none has",
      ],
      [
        "structure",
        "a.evt, byte 125 (item 1): in the event at its byte 52: its event has 53 bytes, and says 11",
      ],
    ]);
  });

  test("lists a second run number; warns of one that isn't the name's, and of unequal BEGINs and ENDs", async () => {
    const other = v11.state("END_RUN", { run: 6 }, { source: 1 });
    const { problems, warnings } = await report(
      { "run-0007-00.evt": [begin(v11), begin(v11, 2), other] },
      "run-0007-00.evt",
    );
    expect(problems).toEqual([
      {
        kind: "run number",
        file: "run-0007-00.evt",
        offset: 250,
        item: 2,
        sentence: "run-0007-00.evt, byte 250 (item 2): END_RUN of run 6, behind one of run 5",
      },
    ]);
    expect(warnings).toEqual([
      "run-0007-00.evt has 2 BEGIN_RUN and 1 END_RUN",
      "run-0007-00.evt holds run 5, which isn't the number in its name",
    ]);
  });

  test("ends with 1 and a sentence where there is a problem", async () => {
    const ended = await validate({ "a.evt": [begin(v11), Buffer.alloc(3)] }, "a.evt");
    expect(ended.code).toBe(1);
    expect(sentenceOf(ended)).toBe(
      "1 problem was found in 1 file; they are listed above, and with --json by file, byte and item",
    );
    expect(ended.stdout).toContain("warning: a.evt has 1 BEGIN_RUN and 0 END_RUN\n");
    expect(ended.stdout).toContain("damage: a.evt is damaged at byte 125 (item 1): only 3 bytes");
  });

  test.each<readonly [words: string, code: number, sentence: string]>([
    ["a.h5", 2, "a.h5 is no ring-item file, and so far evb validates only those; leave it out"],
    ["a.evt --against a.h5", 2, "a.h5 is no ring-item file"],
    ["empty.evt", 3, "empty.evt is empty"],
    ["a.evt --against nowhere.evt", 3, "nowhere.evt can't be read: there is no such file"],
    ["", 2, "not enough non-option arguments"],
  ])("refuses: %s", async (words, code, sentence) => {
    const files = {
      "a.evt": [begin(v11), end(v11)],
      "a.h5": [Buffer.from("\x89HDF\r\n\x1a\n", "latin1")],
      "empty.evt": [],
    };
    const ended = await validate(files, words);
    expect(sentenceOf(ended)).toContain(sentence);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
  });
});

describe("evb validate --against", () => {
  const kinds = (found: Report): string[] => found.problems.map(({ kind }) => kind);

  test.each(WRITERS)(
    "takes a rebuild for the same: version $version, little-endian $littleEndian",
    async (writer) => {
      const ring = new RingBytes(writer);
      const [a, b, c, d] = [1, 2, 3, 4].map((k) => ring.hit(BigInt(10 * k), k, [k, k, k]));
      const nested = ring.built({ stamp: 30n, source: 9 }, [c!, d!]);
      const text = ring.text("PACKET_TYPES", { strings: ["x"] }, { stamp: 12n, source: 2 });
      const user = ring.item(0x8001, undefined, [1, 2, 3]);
      const against = [
        begin(ring),
        begin(ring, 2),
        ring.built({ stamp: 20n, source: 0 }, [b!, a!]),
        user,
        text,
        ring.built({ stamp: 30n, source: 0 }, [{ stamp: 30n, source: 9, payload: nested }]),
        end(ring, 2),
      ];
      const rebuilt = [
        begin(ring, 2),
        begin(ring),
        alone(ring, a!),
        text,
        alone(ring, b!),
        user,
        ring.built({ stamp: 30n, source: 5 }, [c!, d!]),
        end(ring, 2),
      ];
      const extra = writer.version === 10 ? [] : [ring.format(), ring.glomInfo({ window: 7n })];
      const { problems, against: content } = await report(
        { "in.evt": against, "out.evt": [...extra, ...rebuilt] },
        "out.evt --against in.evt",
      );
      expect(problems).toEqual([]);
      const counts = { fragments: 4, runItems: 5 };
      expect(content).toEqual({ files: ["in.evt"], inputs: counts, outputs: counts });
    },
  );

  test("takes several inputs together", async () => {
    const found = await report(
      {
        "run-0005-00.evt": [begin(v11), v11.hit(1n, 1, [1]).payload],
        "other.evt": [v11.hit(2n, 2, [2]).payload, end(v11)],
        "out.evt": [
          begin(v11),
          alone(v11, v11.hit(1n, 1, [1])),
          alone(v11, v11.hit(2n, 2, [2])),
          end(v11),
        ],
      },
      "out.evt --against run-0005-00.evt --against other.evt",
    );
    expect(found.problemCount).toBe(0);
  });

  test("takes a stamp for right where the input has none", async () => {
    const payload = v11.physics({ source: 3 }, [1, 2]);
    const found = await report(
      {
        "in.evt": [payload, v11.built({ stamp: 1n }, [{ source: 4, payload }])],
        "out.evt": [
          alone(v11, { stamp: 40n, source: 3, payload }),
          alone(v11, { stamp: 41n, source: 4, payload }),
        ],
      },
      "out.evt --against in.evt",
    );
    expect(found.problems).toEqual([]);
  });

  test.each<readonly [10 | 11 | 12]>([[10], [11], [12]])(
    "takes an added body header for right, version %i",
    async (version) => {
      const ring = new RingBytes({ version, littleEndian: true });
      const bare = [
        ring.state("BEGIN_RUN", { run: 5 }),
        ring.physics(undefined, [1, 2, 3]),
        ring.physics(undefined, [1, 2, 3]),
        ring.scalers({ values: [4, 5] }),
        ring.abnormalEnd(),
      ];
      const header = { source: 6 };
      const out = [
        ring.state("BEGIN_RUN", { run: 5 }, { ...header, barrier: 1 }),
        ...[1, 2].map((stamp) =>
          alone(ring, {
            stamp: BigInt(stamp),
            source: 6,
            payload: ring.physics(header, [1, 2, 3]),
          }),
        ),
        ring.scalers({ values: [4, 5] }, header),
        ring.item(5, header, []),
      ];
      const found = await report({ "in.evt": bare, "out.evt": out }, "out.evt --against in.evt");
      expect(found.problems).toEqual([]);
      const less = await report(
        { "in.evt": bare, "out.evt": out.slice(1) },
        "out.evt --against in.evt",
      );
      expect(kinds(less)).toEqual(["lost"]);
      const body = ring.physics(undefined, [1, 2, 4]);
      const changed = await report(
        { "in.evt": bare.with(2, body), "out.evt": out },
        "out.evt --against in.evt",
      );
      expect(kinds(changed)).toEqual(["added", "lost"]);
    },
  );

  test("tells an item that got a header from one that had the same before", async () => {
    // Two sources' END_RUN differ in nothing but the header that one of them lacks.
    const [bare, had] = [v11.state("END_RUN", { run: 5 }), end(v11, 2)];
    const same = await report(
      { "in.evt": [bare, had], "out.evt": [end(v11, 1), had] },
      "out.evt --against in.evt",
    );
    expect(same.problems).toEqual([]);
    const given = await report(
      { "in.evt": [bare, had], "out.evt": [had, had] },
      "out.evt --against in.evt",
    );
    expect(given.problems).toEqual([]);
    const twice = await report(
      { "in.evt": [bare, had], "out.evt": [had, had, had] },
      "out.evt --against in.evt",
    );
    expect(kinds(twice)).toEqual(["added"]);
  });

  const hit = (stamp: bigint, source: number, body: readonly number[]): Buffer =>
    alone(v11, v11.hit(stamp, source, body));
  const input = [begin(v11), hit(1n, 1, [1]), hit(2n, 2, [2]), hit(2n, 2, [2]), end(v11)];

  test.each<readonly [what: string, output: Items, kinds: string[]]>([
    ["a fragment that is missing", input.toSpliced(1, 1), ["lost"]],
    ["one of two equal fragments that is missing", input.toSpliced(2, 1), ["lost"]],
    ["a fragment that is there twice", [...input, hit(2n, 2, [2])], ["added"]],
    [
      "another stamp in the fragment header",
      input.with(1, alone(v11, { ...v11.hit(1n, 1, [1]), stamp: 2n })),
      ["added", "lost"],
    ],
    [
      "another source in the fragment header",
      input.with(1, alone(v11, { ...v11.hit(1n, 1, [1]), source: 2 })),
      ["added", "lost"],
    ],
    ["a byte that changed", input.with(1, hit(1n, 1, [3])), ["added", "lost"]],
    [
      "a body header that changed",
      input.with(
        1,
        alone(v11, {
          ...v11.hit(1n, 1, [1]),
          payload: v11.physics({ stamp: 1n, source: 1, barrier: 1 }, [1]),
        }),
      ),
      ["added", "lost"],
    ],
    [
      "a header that was taken away",
      input.with(4, v11.state("END_RUN", { run: 5 })),
      ["added", "lost"],
    ],
    ["a run item that is missing", input.slice(1), ["lost"]],
    [
      "four bytes more",
      input.with(
        4,
        v11.item(
          2,
          { source: 1, barrier: 2 },
          Buffer.concat([end(v11).subarray(28), Buffer.alloc(4)]),
        ),
      ),
      ["added", "lost"],
    ],
  ])("finds %s", async (_, output, expected) => {
    const found = await report({ "in.evt": input, "out.evt": output }, "out.evt --against in.evt");
    expect(kinds(found)).toEqual(expected);
    expect(found.problemCount).toBe(expected.length);
  });

  test("says which fragment is lost, and which is added", async () => {
    const found = await report(
      { "in.evt": input, "out.evt": input.with(1, hit(1n, 1, [3])) },
      "out.evt --against in.evt",
    );
    expect(found.problems.map(({ sentence }) => sentence)).toEqual([
      "out.evt, byte 125 (item 1): fragment of source 1, time stamp 1, 29 bytes, is not in the inputs, or is not as it was there",
      "in.evt, byte 125 (item 1): fragment of source 1, time stamp 1, 29 bytes, is not in the files that were made from it, or was changed there",
    ]);
  });

  test("says which part of a damaged input was not compared", async () => {
    const damaged = [...input, Buffer.alloc(5)];
    const found = await report({ "in.evt": damaged, "out.evt": input }, "out.evt --against in.evt");
    expect(found.problems).toEqual([]);
    expect(found.warnings[0]).toMatch(
      /^in\.evt is damaged at byte \d+ .* \(5 bytes were not compared\)$/,
    );
  });
});
