import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, evbLine, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes, WRITERS } from "../support/ring-bytes.ts";

const v11 = new RingBytes({ version: 11, littleEndian: true });
const v12 = new RingBytes({ version: 12, littleEndian: true });
const sha1 = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");

/** A short run of sources 1 and 2: one built event, one nested in another, and a raw one. */
function shortRun(ring = v11): Buffer {
  const inner = ring.built({ stamp: 2000n, source: 7 }, [
    ring.hit(2000n, 1, [1, 2]),
    ring.hit(1990n, 2, [3, 4]),
  ]);
  return Buffer.concat([
    ring.format(),
    ring.state("BEGIN_RUN", { run: 12, title: "first light" }, { source: 1, barrier: 1 }),
    ring.state("BEGIN_RUN", { run: 12, title: "first light" }, { source: 2, barrier: 1 }),
    ring.glomInfo({ window: 100n }),
    ring.built({ stamp: 1000n, source: 0 }, [ring.hit(1000n, 1, [5, 6]), ring.hit(1050n, 2, [7])]),
    ring.scalers({ values: [11, 22] }, { stamp: 1500n, source: 2 }),
    ring.built({ stamp: 2000n, source: 0 }, [{ stamp: 2000n, source: 7, payload: inner }]),
    ring.physics({ stamp: 3000n, source: 1 }, [0x34, 0x12, 0xff]),
    ring.state("END_RUN", { run: 12 }, { source: 1, barrier: 2 }),
    ring.state("END_RUN", { run: 12 }, { source: 2, barrier: 2 }),
  ]);
}

async function inspect<Result>(
  bytes: Uint8Array,
  words: readonly string[],
  check: (ended: ReturnType<typeof evb>) => Result,
): Promise<Result> {
  return inFolder((folder) => {
    writeFileSync(join(folder, "run-0012-00.evt"), bytes);
    writeFileSync(join(folder, "run-0012-01.evt"), bytes);
    writeFileSync(join(folder, "run-0013-00.evt"), bytes);
    return check(evb(["inspect", "run-0012-00.evt", ...words], folder));
  });
}

const linesOf = (text: string): unknown[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

describe("evb inspect FILE.evt --items --json", () => {
  test("has a line for each item, and fragments of the outermost level", () =>
    inspect(shortRun(), ["--items", "--json"], ({ code, stdout, stderr }) => {
      expect([code, stderr]).toEqual([0, ""]);
      const inner = v11.built({ stamp: 2000n, source: 7 }, [
        v11.hit(2000n, 1, [1, 2]),
        v11.hit(1990n, 2, [3, 4]),
      ]);
      const bare = { time: null, source: null, barrier: null };
      const begin = { size: 125, type: "BEGIN_RUN", time: null, barrier: 1 };
      const end = { size: 125, type: "END_RUN", time: null, barrier: 2 };
      // Built: 28 + 4 + (20 + 30) + (20 + 29) = 131; inner: 28 + 4 + 2 × (20 + 30) = 132; outer: 32 + 20 + 132 = 184.
      expect(linesOf(stdout)).toEqual([
        { item: 0, offset: 0, size: 16, type: "RING_FORMAT", ...bare },
        { item: 1, offset: 16, ...begin, source: 1 },
        { item: 2, offset: 141, ...begin, source: 2 },
        { item: 3, offset: 266, size: 24, type: "EVB_GLOM_INFO", ...bare },
        {
          item: 4,
          offset: 290,
          size: 131,
          type: "PHYSICS_EVENT",
          time: "1000",
          source: 0,
          barrier: 0,
          fragments: [
            {
              time: "1000",
              source: 1,
              barrier: 0,
              size: 30,
              type: "PHYSICS_EVENT",
              sha1: sha1(v11.physics({ stamp: 1000n, source: 1 }, [5, 6])),
            },
            {
              time: "1050",
              source: 2,
              barrier: 0,
              size: 29,
              type: "PHYSICS_EVENT",
              sha1: sha1(v11.physics({ stamp: 1050n, source: 2 }, [7])),
            },
          ],
        },
        // 28 + 24 + 2 × 4 bytes.
        {
          item: 5,
          offset: 421,
          size: 60,
          type: "PERIODIC_SCALERS",
          time: "1500",
          source: 2,
          barrier: 0,
        },
        {
          item: 6,
          offset: 481,
          size: 184,
          type: "PHYSICS_EVENT",
          time: "2000",
          source: 0,
          barrier: 0,
          fragments: [
            {
              time: "2000",
              source: 7,
              barrier: 0,
              size: 132,
              type: "PHYSICS_EVENT",
              sha1: sha1(inner),
            },
          ],
        },
        {
          item: 7,
          offset: 665,
          size: 31,
          type: "PHYSICS_EVENT",
          time: "3000",
          source: 1,
          barrier: 0,
        },
        { item: 8, offset: 696, ...end, source: 1 },
        { item: 9, offset: 821, ...end, source: 2 },
      ]);
    }));

  test("tells what has no name by its number, and a stamp beyond 2^53 exactly", () =>
    inspect(
      v11.item(0x8003, { stamp: 2n ** 64n - 2n, source: 4_294_967_295, barrier: 3 }, [1]),
      ["--items", "--json"],
      ({ stdout }) => {
        expect(linesOf(stdout)).toEqual([
          {
            item: 0,
            offset: 0,
            size: 29,
            type: 0x8003,
            time: "18446744073709551614",
            source: 4_294_967_295,
            barrier: 3,
          },
        ]);
      },
    ));
});

describe("evb inspect FILE.evt --items", () => {
  test("shows each item as NSCLDAQ's dumper does, fragments and words of data", () =>
    inspect(shortRun(), ["--items"], ({ code, stdout }) => {
      expect(code).toBe(0);
      const items = stdout.split(`${"-".repeat(60)}\n`).slice(1);
      expect(items[0]).toBe(
        "item 0 at byte 0: RING_FORMAT, 16 bytes\n  no body header\n  version 11.0\n",
      );
      expect(items[1]).toBe(
        [
          "item 1 at byte 16: BEGIN_RUN, 125 bytes",
          "  time stamp none, source 1, barrier 1",
          "  run 12, 0 s into the run",
          "  2023-11-14T22:13:20Z",
          "  title: first light\n",
        ].join("\n"),
      );
      expect(items[4]).toBe(
        [
          "item 4 at byte 290: PHYSICS_EVENT, 131 bytes",
          "  time stamp 1000, source 0, barrier 0",
          "  fragment 0: PHYSICS_EVENT, 30 bytes",
          "    time stamp 1000, source 1, barrier 0",
          "    0605",
          "  fragment 1: PHYSICS_EVENT, 29 bytes",
          "    time stamp 1050, source 2, barrier 0",
          "    07\n",
        ].join("\n"),
      );
      expect(items[6]).toContain(
        [
          "  fragment 0: PHYSICS_EVENT, 132 bytes",
          "    time stamp 2000, source 7, barrier 0",
          "    holds: PHYSICS_EVENT, 30 bytes",
          "      time stamp 2000, source 1, barrier 0",
          "      0201",
          "    holds: PHYSICS_EVENT, 30 bytes",
        ].join("\n"),
      );
      // Three bytes: a word in the item's byte order, and one left over.
      expect(items[7]).toContain("\n  1234 ff\n");
    }));

  test.each(WRITERS)(
    "fits into 80 columns: version $version, little-endian $littleEndian",
    (writer) => {
      const ring = new RingBytes(writer);
      const title = "\x1b[31m" + "long title ".repeat(7);
      const items = [
        ring.state("BEGIN_RUN", { run: 2 ** 32 - 1, title, original: 2 ** 32 - 1 }, { source: 1 }),
        ring.text("PACKET_TYPES", { strings: ["x".repeat(300), "y"] }),
        ring.scalers({ values: Array.from({ length: 33 }, () => 2 ** 32 - 1) }),
        ring.eventCount({ events: 2n ** 64n - 1n }),
        ring.physics(
          { stamp: 2n ** 64n - 2n, source: 2 ** 32 - 1, barrier: 2 ** 32 - 1 },
          Buffer.alloc(99),
        ),
      ];
      return inspect(Buffer.concat(items), ["--items"], ({ code, stdout }) => {
        expect(code).toBe(0);
        expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
        expect(stdout).not.toContain("\x1b");
      });
    },
  );

  test("ends at damage with what came before, and where the damage is", () =>
    inspect(shortRun().subarray(0, 700), ["--items", "--json"], (ended) => {
      expect(linesOf(ended.stdout)).toHaveLength(8);
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toBe(
        "run-0012-00.evt is damaged at byte 696 (item 8): only 4 bytes of its header are there; `evb order --salvage` keeps the rest",
      );
    }));
});

describe("evb inspect FILE.evt", () => {
  test("counts what is in it, by source", () =>
    inspect(shortRun(), ["--json"], ({ code, stdout, stderr }) => {
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toEqual({
        file: "run-0012-00.evt",
        bytes: 946,
        items: 10,
        itemsByType: {
          RING_FORMAT: 1,
          BEGIN_RUN: 2,
          EVB_GLOM_INFO: 1,
          PHYSICS_EVENT: 3,
          PERIODIC_SCALERS: 1,
          END_RUN: 2,
        },
        byteOrders: ["little-endian"],
        layouts: { v11: 5 },
        formats: ["11.0"],
        runs: [12],
        begins: 2,
        ends: 2,
        abnormalEnds: 0,
        builtEvents: 2,
        rawEvents: 1,
        depth: 2,
        windows: ["100"],
        sources: [
          {
            source: 1,
            fragments: 3,
            runItems: { BEGIN_RUN: 1, END_RUN: 1 },
            firstTime: "1000",
            lastTime: "3000",
            // Three in 2000 ticks.
            fragmentsPerMegatick: 1500,
            backwardSteps: 0,
            duplicates: 0,
            nullFragments: 0,
            nullRunItems: 2,
          },
          {
            source: 2,
            fragments: 2,
            runItems: { BEGIN_RUN: 1, PERIODIC_SCALERS: 1, END_RUN: 1 },
            firstTime: "1050",
            lastTime: "1990",
            fragmentsPerMegatick: (2 / 940) * 1e6,
            backwardSteps: 0,
            duplicates: 0,
            nullFragments: 0,
            nullRunItems: 2,
          },
        ],
        missingHeaders: {},
        originalSources: 0,
        // 2000 of source 1, then 1990 of source 2.
        backwardSteps: 1,
        damage: [],
        segments: ["run-0012-00.evt", "run-0012-01.evt"],
        order: { sources: [1, 2], endRuns: 2, balanced: true, headerless: [], stampless: false },
      });
    }));

  test("has the same for people, in 80 columns", () =>
    inspect(shortRun(), [], ({ code, stdout }) => {
      expect(code).toBe(0);
      expect(stdout).toContain(
        [
          "run-0012-00.evt: 10 items, 946 bytes",
          "v11 (RING_FORMAT 11.0), little-endian",
          "run 12: 2 BEGIN_RUN, 2 END_RUN",
          "segments: run-0012-00.evt, run-0012-01.evt",
          "2 built events of 2 levels, 1 raw event, window 100 ticks",
        ].join("\n"),
      );
      expect(stdout).toContain(
        [
          "source  fragments  first time  last time  per 10^6 ticks",
          "     1          3        1000       3000            1500",
          "     2          2        1050       1990            2128",
        ].join("\n"),
      );
      expect(stdout).toContain("  evb order run-0012-00.evt run-0012-01.evt -o OUT\n");
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }));

  test("does without the HDF5 library", () =>
    inFolder((folder) => {
      writeFileSync(join(folder, "a.evt"), shortRun());
      // Each module that is loaded is told on stderr.
      const hooks = `import { writeSync } from "node:fs";
        export function load(url, context, next) {
          writeSync(2, url + "\\n");
          return next(url, context);
        }`;
      const url = `data:text/javascript,${encodeURIComponent(hooks)}`;
      const register = `import { register } from "node:module"; register(${JSON.stringify(url)});`;
      writeFileSync(join(folder, "tell-modules.mjs"), register);
      const loaded = (file: string): string => {
        const line = `NODE_OPTIONS="--import ./tell-modules.mjs" ${evbLine(`inspect ${file}`)}`;
        return spawnSync("bash", ["-c", line], { cwd: folder, encoding: "utf8", timeout: 30_000 })
          .stderr;
      };
      expect(loaded("a.evt")).toContain("/inspect-");
      expect(loaded("a.evt")).not.toContain("h5wasm");
      expect(loaded("a.h5")).toContain("h5wasm");
    }));

  test("lists damage, shows the rest, and ends with 1", () =>
    inspect(Buffer.concat([shortRun(), Buffer.alloc(13), shortRun()]), ["--json"], (ended) => {
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toBe(
        "run-0012-00.evt is damaged in 1 place; `evb order --salvage` keeps the rest",
      );
      expect(JSON.parse(ended.stdout)).toMatchObject({
        items: 20,
        damage: [{ offset: 946, item: 10, skippedBytes: 13 }],
      });
    }));
});

interface Proposal {
  readonly missingHeaders: Record<string, number>;
  readonly order: Record<string, unknown>;
}

describe("what evb inspect proposes for evb order", () => {
  const hit = (source: number): Buffer => v11.physics({ stamp: 5n, source }, [1]);
  const begin = v11.state("BEGIN_RUN", { run: 1 });
  const end = v11.state("END_RUN", { run: 1 });
  const begin3 = v11.state("BEGIN_RUN", { run: 1 }, { source: 3, barrier: 1 });

  test.each<readonly [what: string, items: Buffer[], order: Record<string, unknown>]>([
    [
      "RING_FORMAT and EVB_GLOM_INFO lack nothing",
      [v11.format(), begin3, v11.glomInfo({ window: 1n }), hit(3)],
      { headerless: [], sources: [3], endRuns: 0, balanced: false },
    ],
    [
      "the source that has events but no BEGIN_RUN, not the first of all",
      [begin3, begin, hit(3), hit(4), end],
      { headerless: ["4"], sources: [3, 4], endRuns: 1, balanced: false },
    ],
    [
      "each of several sources in turn",
      [begin, begin, hit(8), hit(2), end, end],
      { headerless: ["position:1=2", "position:2=8"], endRuns: 2, balanced: true },
    ],
    ["the only source", [begin, hit(6), end], { headerless: ["6"], balanced: true }],
    ["0 where there is none", [begin, end], { headerless: ["0"], sources: [] }],
    ["an abnormal end ends all", [begin3, hit(3), v11.abnormalEnd()], { balanced: true }],
    [
      "a stamp for events without header",
      [begin3, v11.physics(undefined, [1, 2])],
      { headerless: ["3"], stampless: true },
    ],
    [
      "nothing where items name their sources themselves",
      [
        v12.state("BEGIN_RUN", { run: 1, original: 3 }),
        v12.physics({ stamp: 5n, source: 3 }, [1]),
        v12.state("END_RUN", { run: 1, original: 3 }),
      ],
      { headerless: [], balanced: true },
    ],
    ["nothing for users' types", [v11.item(0x8000, undefined, [1]), hit(1)], { headerless: [] }],
  ])("%s", (_, items, order) =>
    inspect(Buffer.concat(items), ["--json"], ({ code, stdout }) => {
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as Proposal).order).toMatchObject(order);
    }),
  );
});

describe("evb inspect of what is no ring-item file", () => {
  test.each<readonly [words: string, code: number, sentence: string]>([
    [
      "nowhere.evt",
      3,
      "nowhere.evt can't be read: there is no such file; check its path and permissions",
    ],
    ["empty.evt", 3, "empty.evt is empty; leave it out, or copy it again"],
    ["text.evt", 3, "text.evt has no ring items; check that it is an event file (.evt) of NSCLDAQ"],
    ["run.evt --events", 2, "run.evt is no index, so it has no events to list; leave --events out"],
  ])("%s", (words, code, sentence) =>
    inFolder((folder) => {
      writeFileSync(join(folder, "empty.evt"), "");
      writeFileSync(join(folder, "text.evt"), "no event at all, but text\n");
      writeFileSync(join(folder, "run.evt"), shortRun());
      const ended = evb(["inspect", ...words.split(" ")], folder);
      expect(sentenceOf(ended)).toBe(sentence);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
    }),
  );
});
