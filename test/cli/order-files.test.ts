import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { eventOf, listingOf, rawOf } from "./ring-listing.ts";
import { cutItems, type Files, segmentsOf, wordsOf, writeFiles, writtenRun } from "./ring-order.ts";

/** What order does with files: names, segments, checksums, what exists, what is damaged. */
const ring = new RingBytes({ version: 11, littleEndian: true });
const begin = (number: number, source = 1): Buffer =>
  ring.state("BEGIN_RUN", { run: number }, { source, barrier: 1 });
const end = (number: number, source = 1): Buffer =>
  ring.state("END_RUN", { run: number }, { source, barrier: 2 });
const run = (number: number, ...items: readonly Buffer[]): Buffer[] => [
  ring.format(),
  begin(number),
  ...items,
  end(number),
];
const plain = run(1, ...rawOf(ring, "1@30 1@20"));
/** RING_FORMAT 16, BEGIN 125 bytes: where the first event of `plain` begins. */
const EVENT_AT = 141;

interface Ordered {
  readonly folder: string;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ordered(folder: string, files: Files, options = ""): Ordered {
  const names = writeFiles(folder, files);
  const words = ["order", ...names, "-o", "out", ...wordsOf(options)];
  return { folder, ...evb(words, folder) };
}

const sha512 = (bytes: Buffer): string => createHash("sha512").update(bytes).digest("hex");

interface RunReport {
  readonly run: number;
  readonly window: string | null;
  readonly itemsIn: number;
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  readonly events: number;
  readonly backwardStepsIn: number;
  readonly backwardStepsOut: number;
  readonly duplicates: number;
  readonly sources: readonly { readonly source: number; readonly fragments: number }[];
  readonly files: readonly string[];
  readonly checksum: string | null;
  readonly bytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

const runsOf = (stdout: string): readonly RunReport[] =>
  (JSON.parse(stdout) as { runs: readonly RunReport[] }).runs;

describe("the output", () => {
  test("is named after the run number in BEGIN_RUN, not after the file", () =>
    inFolder((folder) => {
      const { code } = ordered(folder, { "run-0007-00.evt": run(42, eventOf(ring, "1@5")) });
      expect(code).toBe(0);
      expect(readdirSync(join(folder, "out")).filter((name) => name.startsWith("run-"))).toEqual([
        "run-0042-00.evt",
        "run-0042.sha512",
      ]);
    }));

  test.each(["", "--segment-size 500B"])("has a checksum that sha512sum can check: %j", (options) =>
    inFolder((folder) => {
      const items = run(1, ...rawOf(ring, "1@1 1@2 1@3 1@4 1@5 1@6 1@7 1@8"));
      expect(ordered(folder, { "a.evt": items }, options).code).toBe(0);
      const out = join(folder, "out");
      const bytes = writtenRun(out);
      const one = segmentsOf(out).length === 1;
      expect(one).toBe(options === "");
      const line = readFileSync(join(out, "run-0001.sha512"), "utf8");
      expect(line).toBe(`${sha512(bytes)}  ${one ? "run-0001-00.evt" : "-"}\n`);
      const checked = spawnSync("sha512sum", ["--check", "--strict", "run-0001.sha512"], {
        cwd: out,
        input: bytes,
        encoding: "utf8",
      });
      expect([checked.status, checked.stdout]).toEqual([
        0,
        `${one ? "run-0001-00.evt" : "-"}: OK\n`,
      ]);
    }),
  );

  test("has no checksum with --checksum none", () =>
    inFolder((folder) => {
      const { stdout } = ordered(folder, { "a.evt": plain }, "--checksum none --json");
      expect(existsSync(join(folder, "out", "run-0001.sha512"))).toBe(false);
      expect(runsOf(stdout)[0]!.checksum).toBeNull();
    }));

  test("is cut in segments that split no item and hold no more than asked", () =>
    inFolder((folder) => {
      const large = eventOf(ring, `1@4:${"x".repeat(1500)}`);
      const items = run(1, ...rawOf(ring, "1@1 1@2 1@3"), large, ...rawOf(ring, "1@5 1@6"));
      expect(ordered(folder, { "a.evt": items }, "--segment-size 500B").code).toBe(0);
      const out = join(folder, "out");
      const segments = segmentsOf(out);
      expect(segments.length).toBeGreaterThan(2);
      expect(segments).toEqual(segments.map((_, i) => `run-0001-0${String(i)}.evt`));
      for (const name of segments) {
        const bytes = readFileSync(join(out, name));
        expect(cutItems(bytes).length === 1 || bytes.length <= 500).toBe(true);
      }
      const whole = ordered(folder, { "a.evt": items }, "--force");
      expect(whole.code).toBe(0);
      expect(segmentsOf(out)).toEqual(["run-0001-00.evt"]);
    }));

  test("begins a new segment behind an item that is larger than asked, whatever follows", () =>
    inFolder((folder) => {
      const large = (time: string): Buffer => eventOf(ring, `1@${time}:${"x".repeat(600)}`);
      const scaler = ring.scalers({ values: [1] }, { stamp: 5n, source: 1 });
      const items = run(1, large("4"), scaler, large("6"));
      ordered(folder, { "a.evt": items }, "--window 10 --segment-size 500B");
      const out = join(folder, "out");
      const sizes = segmentsOf(out).map((name) => cutItems(readFileSync(join(out, name))).length);
      // RING_FORMAT, BEGIN, GLOM_INFO | the event | scaler, END
      expect(sizes).toEqual([3, 1, 2]);
    }));

  test("is the same in segments as in one file", () =>
    inFolder((folder) => {
      const items = run(1, ...rawOf(ring, "1@9 1@8 1@7 1@6 1@5"));
      ordered(folder, { "a.evt": items }, "--segment-size 300B");
      const cut = writtenRun(join(folder, "out"));
      ordered(folder, { "a.evt": items }, "--force");
      expect(writtenRun(join(folder, "out")).equals(cut)).toBe(true);
    }));

  test("has a folder for each of several windows, as the single ones have it", () =>
    inFolder((folder) => {
      const items = run(1, ...rawOf(ring, "1@1 1@2 1@5 1@20"));
      expect(ordered(folder, { "a.evt": items }, "--window 1 --window 10").code).toBe(0);
      for (const window of ["1", "10"]) {
        evb(["order", "a.evt", "-o", `single-${window}`, "--window", window], folder);
        const several = writtenRun(join(folder, "out", `window-${window}`));
        expect(several.equals(writtenRun(join(folder, `single-${window}`)))).toBe(true);
        expect(several.length).toBeGreaterThan(0);
      }
    }));

  test("of several runs is several runs", () =>
    inFolder((folder) => {
      const files = {
        "x.evt": run(2, eventOf(ring, "1@5")),
        "y.evt": run(3, eventOf(ring, "1@6")),
      };
      const { code, stdout } = ordered(folder, files, "--json");
      expect(code).toBe(0);
      expect(runsOf(stdout).map((one) => one.run)).toEqual([2, 3]);
      expect(cutItems(writtenRun(join(folder, "out"), "run-0003"))).toHaveLength(5);
    }));
});

describe("what exists", () => {
  test("is not overwritten without --force", () =>
    inFolder((folder) => {
      ordered(folder, { "a.evt": plain });
      const before = writtenRun(join(folder, "out"));
      const again = ordered(folder, { "a.evt": run(1, eventOf(ring, "1@1")) });
      expect(again.code).toBe(2);
      expect(sentenceOf(again)).toMatch(/out.*--force/);
      expect(writtenRun(join(folder, "out")).equals(before)).toBe(true);
      const forced = ordered(folder, { "a.evt": run(1, eventOf(ring, "1@1")) }, "--force");
      expect(forced.code).toBe(0);
      expect(listingOf(cutItems(writtenRun(join(folder, "out"))))).toContain("[1: 1@1]");
    }));
});

describe("--stagearea", () => {
  test("writes the old system's layout, and refuses a run that is there", () =>
    inFolder((folder) => {
      writeFiles(folder, { "a.evt": run(12, eventOf(ring, "1@1")) });
      const words = ["order", "a.evt", "--stagearea", "stage"];
      expect(evb(words, folder).code).toBe(0);
      const home = join(folder, "stage", "experiment", "run12");
      expect(readdirSync(home)).toEqual(
        expect.arrayContaining(["run-0012-00.evt", "run-0012.sha512"]),
      );
      const link = join(folder, "stage", "complete", "run-0012-00.evt");
      expect(readlinkSync(link)).toBe("../experiment/run12/run-0012-00.evt");
      expect(readFileSync(link).equals(writtenRun(home, "run-0012"))).toBe(true);
      const again = evb(words, folder);
      expect(again.code).toBe(2);
      expect(sentenceOf(again)).toContain("run12");
    }));
});

describe("the report", () => {
  test("counts what came in and what went out", () =>
    inFolder((folder) => {
      const raw = rawOf(ring, "1@30 2@10 1@20 1@20 2@11");
      const items = run(
        1,
        begin(1, 2),
        ...raw,
        end(1, 2),
        ring.scalers({ values: [1] }, { stamp: 15n, source: 2 }),
      );
      const { stdout } = ordered(folder, { "a.evt": items }, "--window 10 --json");
      const [report, ...more] = runsOf(stdout);
      expect(more).toEqual([]);
      expect(report).toMatchObject({
        run: 1,
        window: "10",
        itemsIn: 11,
        fragmentsIn: 5,
        fragmentsOut: 5,
        // 10 11 20 20 | 30
        events: 2,
        // 30 → 10 → 20 → 20 → 11
        backwardStepsIn: 2,
        backwardStepsOut: 0,
        duplicates: 1,
        files: ["run-0001-00.evt"],
        checksum: "run-0001.sha512",
        bytes: writtenRun(join(folder, "out")).length,
        warnings: [],
      });
      expect(report!.sources).toMatchObject([
        { source: 1, fragments: 3 },
        { source: 2, fragments: 2 },
      ]);
    }));

  test.each([
    [
      "BEGIN",
      [ring.format(), eventOf(ring, "1@5"), end(1)],
      ["RING_FORMAT", "[5: 1@5]", "END_RUN 1@null"],
    ],
    [
      "END",
      [ring.format(), begin(1), eventOf(ring, "1@5")],
      ["RING_FORMAT", "BEGIN_RUN 1@null", "EVB_GLOM_INFO", "[5: 1@5]"],
    ],
  ])("warns of a missing %s, and the output is whole", (name, items, expected) =>
    inFolder((folder) => {
      const { code, stdout } = ordered(folder, { "run-0001-00.evt": items }, "--json");
      expect(code).toBe(0);
      expect(runsOf(stdout)[0]!.warnings.join("\n")).toContain(name);
      expect(listingOf(cutItems(writtenRun(join(folder, "out"))))).toEqual(expected);
    }),
  );

  test("takes the run number from the file's name where no item has it", () =>
    inFolder((folder) => {
      ordered(folder, { "my.exp-0123-00.evt": [ring.format(), eventOf(ring, "1@5")] });
      expect(segmentsOf(join(folder, "out"), "run-0123")).toEqual(["run-0123-00.evt"]);
    }));
});

describe("two run numbers in one file", () => {
  const two = [...run(1, eventOf(ring, "1@5")), ...run(2, eventOf(ring, "1@9"))];
  /** The second BEGIN: behind RING_FORMAT, BEGIN, an event of 36 bytes, END, RING_FORMAT. */
  const secondAt = EVENT_AT + eventOf(ring, "1@5").length + 125 + 16;

  test("are refused, and the place is named", () =>
    inFolder((folder) => {
      const ended = ordered(folder, { "a.evt": two });
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(/a\.evt.*--run/);
      expect(sentenceOf(ended)).toContain(String(secondAt));
      expect(segmentsOf(join(folder, "out"))).toEqual([]);
    }));

  test("are one run with --run", () =>
    inFolder((folder) => {
      expect(ordered(folder, { "a.evt": two }, "--run 17").code).toBe(0);
      const items = cutItems(writtenRun(join(folder, "out"), "run-0017"));
      const states = [begin(1), begin(2), end(1), end(2)].map((item) => item.toString("hex"));
      const found = items
        .filter((item) => item.readUInt32LE(4) < 3)
        .map((item) => item.toString("hex"));
      expect(found).toEqual(states);
    }));
});

describe("damage", () => {
  const whole = Buffer.concat(plain);
  const at = (offset: number, value: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(value, offset);
    return bytes;
  };
  const built = ring.built(
    {
      stamp: 1n,
      source: 1,
    },
    [{ stamp: 1n, source: 1, payload: eventOf(ring, "1@1") }],
  );
  const last = whole.length - 125;

  test.each([
    ["an item cut in its header", whole.subarray(0, last + 5), last, 4],
    ["an item cut in its body", whole.subarray(0, last + 50), last, 4],
    ["a size of 0", at(EVENT_AT, 0), EVENT_AT, 2],
    ["a size smaller than a header", at(EVENT_AT, 7), EVENT_AT, 2],
    ["a huge size", at(EVENT_AT, 0xffff_fff0), EVENT_AT, 2],
  ])("is named with its place: %s", (_, bytes, offset, item) =>
    inFolder((folder) => {
      const ended = ordered(folder, { "a.evt": [bytes] });
      expect(ended.code).toBe(1);
      const sentence = sentenceOf(ended);
      expect(sentence).toContain("a.evt");
      expect(sentence).toMatch(new RegExp(`\\b${String(offset)}\\b`));
      expect(sentence).toMatch(new RegExp(`item ${String(item)}\\b`));
      expect(segmentsOf(join(folder, "out"))).toEqual([]);
    }),
  );

  test.each([
    ["an item cut in its body", whole.subarray(0, last + 50), ["[20: 1@20]", "[30: 1@30]"]],
    ["a size of 0", at(EVENT_AT, 0), ["[20: 1@20]", "END_RUN 1@null"]],
    ["a huge size", at(EVENT_AT, 0xffff_fff0), ["[20: 1@20]", "END_RUN 1@null"]],
    [
      "bytes between items",
      Buffer.concat([
        whole.subarray(0, EVENT_AT),
        Buffer.alloc(99, 0xee),
        whole.subarray(EVENT_AT),
      ]),
      ["[20: 1@20]", "[30: 1@30]", "END_RUN 1@null"],
    ],
  ])("is left out with --salvage, and listed: %s", (_, bytes, expected) =>
    inFolder((folder) => {
      const { code, stdout } = ordered(folder, { "run-0001-00.evt": [bytes] }, "--salvage --json");
      expect(code).toBe(0);
      const lines = listingOf(cutItems(writtenRun(join(folder, "out"))));
      expect(lines.slice(3)).toEqual(expected);
      expect(runsOf(stdout)[0]!.warnings.join("\n")).toMatch(/skipped|left out/);
    }),
  );

  test("in a size that leads far behind it costs that item alone, with --salvage", () =>
    inFolder((folder) => {
      const events = Array.from({ length: 2000 }, (_, k) => {
        const stamp = 1000n * BigInt(k + 1);
        return ring.item(30, { source: 1, stamp, barrier: 0 }, Buffer.alloc(1000, 7));
      });
      const bytes = Buffer.concat(run(1, ...events));
      // The third one: over more than a block, into the middle of another event.
      const begin = EVENT_AT + 2 * events[0]!.length;
      bytes.writeUInt32LE(1_300_007, begin);
      const { code, stdout } = ordered(folder, { "run-0001-00.evt": [bytes] }, "--salvage --json");
      expect(code).toBe(0);
      const [report] = runsOf(stdout);
      expect(report!.fragmentsOut).toBe(1999);
      expect(report!.warnings.join("\n")).toContain(
        `${String(events[0]!.length)} bytes were skipped at byte ${String(begin)} (item 4)`,
      );
    }));

  test("at the very beginning doesn't decide in which byte order the output is", () =>
    inFolder((folder) => {
      const big = new RingBytes({ version: 12, littleEndian: false });
      const items = [big.state("BEGIN_RUN", { run: 1 }, { source: 1, barrier: 1 })];
      const all = [Buffer.alloc(64, 0xee), ...items, ...rawOf(big, "1@20 1@10"), ...items];
      expect(ordered(folder, { "run-0001-00.evt": all }, "--salvage").code).toBe(0);
      const written = writtenRun(join(folder, "out"));
      expect(written.subarray(16, 16 + items[0]!.length).toString("hex")).toBe(
        items[0]!.toString("hex"),
      );
      expect([written.readUInt32BE(0), written.readUInt32BE(4)]).toEqual([16, 12]);
    }));

  test.each([
    ["a wrong byte count", 28, built.length - 28 + 8],
    ["a fragment that overruns its event", 32 + 12, 4000],
  ])("of a built event is named with its place: %s", (_, offset, value) =>
    inFolder((folder) => {
      const bytes = Buffer.from(built);
      bytes.writeUInt32LE(value, offset);
      const ended = ordered(folder, { "a.evt": run(1, bytes) });
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(new RegExp(`a\\.evt.*\\b${String(EVENT_AT)}\\b`));
    }),
  );

  test.each([
    ["an empty file", Buffer.alloc(0)],
    ["no ring items", Buffer.from("once upon a time there was a run of another kind")],
  ])("so large that nothing can be read ends with 3: %s", (_, bytes) =>
    inFolder((folder) => {
      const ended = ordered(folder, { "a.evt": [bytes] });
      expect(ended.code).toBe(3);
      expect(sentenceOf(ended)).toContain("a.evt");
    }),
  );

  test("of a run whose segment is missing is named", () =>
    inFolder((folder) => {
      const files = { "run-0001-00.evt": plain.slice(0, 3), "run-0001-02.evt": plain.slice(3) };
      const ended = ordered(folder, files);
      expect(ended.code).toBe(3);
      expect(sentenceOf(ended)).toMatch(/segment 01.*run-0001-02\.evt/);
    }));

  test("of a file that isn't there ends with 3", () =>
    inFolder((folder) => {
      writeFileSync(join(folder, "b.evt"), Buffer.concat(plain));
      const ended = { ...evb(["order", "b.evt", "none.evt", "-o", "out"], folder) };
      expect(ended.code).toBe(3);
      expect(sentenceOf(ended)).toContain("none.evt");
    }));
});
