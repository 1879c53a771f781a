import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes, WRITERS } from "../support/ring-bytes.ts";
import { cutItems, wordsOf, writeFiles, type Files } from "./ring-order.ts";

/** `evb order --split`: what each source recorded, as it was before it was built. */
const ring = new RingBytes({ version: 11, littleEndian: true });

interface Split {
  readonly run: number;
  readonly source: number;
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  readonly backwardStepsIn: number;
  readonly backwardStepsOut: number;
  readonly files: readonly string[];
  readonly checksum: string | null;
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
  readonly runs: readonly Split[];
  /** Items of a source's files. */
  readonly items: (source: number) => string[];
}

function splitFiles(folder: string, files: Files, options = ""): Ended {
  const names = writeFiles(folder, files);
  const words = ["order", ...names, "--split", "out", "--json", ...wordsOf(options)];
  const { code, stdout, stderr } = evb(words, folder);
  const runs = stdout === "" ? [] : (JSON.parse(stdout) as { runs: Split[] }).runs;
  const items = (source: number): string[] => {
    const names = runs.find((run) => run.source === source)!.files;
    const bytes = names.map((name) => readFileSync(join(folder, "out", name)));
    return hexOf(cutItems(Buffer.concat(bytes)));
  };
  return { code, stderr, runs, items };
}

const hexOf = (items: readonly Buffer[]): string[] => items.map((item) => item.toString("hex"));

/** Two sources, built at two levels, with late fragments, items of the run, and raw events among them. */
function partsOf(items: RingBytes) {
  const state = (name: "BEGIN_RUN" | "END_RUN" | "PAUSE_RUN", source: number, stamp?: bigint) => {
    const barrier = { BEGIN_RUN: 1, END_RUN: 2, PAUSE_RUN: 3 }[name];
    const header = { source, barrier, ...(stamp !== undefined && { stamp }) };
    return items.state(name, { run: 1 }, header);
  };
  const hits = [1000n, 1010n, 900n, 1020n].map((stamp, k) => items.hit(stamp, 1 + (k % 2), [k, 0]));
  const [one, two, late, other] = hits as [Hit, Hit, Hit, Hit];
  const inner = items.built({ stamp: 1010n, source: 50 }, [two, late]);
  return {
    format: items.format(),
    begins: [state("BEGIN_RUN", 1), state("BEGIN_RUN", 2)] as const,
    hits: { one, two, late, other },
    event: items.built({ stamp: 1000n, source: 99 }, [
      one,
      { stamp: 1010n, source: 50, payload: inner },
    ]),
    raw: items.physics({ stamp: 1020n, source: 2 }, other.payload.subarray(28)),
    scaler: items.scalers({ values: [1, 2] }, { stamp: 950n, source: 1 }),
    pauses: [state("PAUSE_RUN", 1, 1030n), state("PAUSE_RUN", 2, 1005n)] as const,
    ends: [state("END_RUN", 1), state("END_RUN", 2)] as const,
  };
}

type Hit = ReturnType<RingBytes["hit"]>;

const payload = ({ payload: bytes }: Hit): Buffer => Buffer.from(bytes);

describe("a source's file", () => {
  test.each(WRITERS.filter(({ version }) => version > 10))(
    "has its own items in time order, to the byte: version $version, little-endian $littleEndian",
    (writer) =>
      inFolder((folder) => {
        const parts = partsOf(new RingBytes(writer));
        const { format, begins, hits, event, raw, scaler, pauses, ends } = parts;
        const glom = new RingBytes(writer).glomInfo({ window: 10n });
        const input = [format, ...begins, glom, event, raw, scaler, ...pauses, ...ends];
        const { code, runs, items } = splitFiles(folder, { "a.evt": input });
        expect(code).toBe(0);
        const [first, second] = [begins, ends].map(([of]) => of);
        // 900 950 1000 1030
        expect(items(1)).toEqual(
          hexOf([
            format,
            first!,
            payload(hits.late),
            scaler,
            payload(hits.one),
            pauses[0],
            second!,
          ]),
        );
        // 1005 1010 1020: its PAUSE_RUN doesn't wait for that of source 1.
        expect(items(2)).toEqual(
          hexOf([format, begins[1], pauses[1], payload(hits.two), raw, ends[1]]),
        );
        expect(runs).toMatchObject([
          { run: 1, source: 1, fragmentsIn: 2, fragmentsOut: 2, backwardStepsIn: 1 },
          { run: 1, source: 2, fragmentsIn: 2, fragmentsOut: 2, backwardStepsOut: 0 },
        ]);
      }),
  );

  test("of NSCLDAQ 10 has no RING_FORMAT", () =>
    inFolder((folder) => {
      const v10 = new RingBytes({ version: 10, littleEndian: true });
      const [begin, end] = [v10.state("BEGIN_RUN", { run: 1 }), v10.state("END_RUN", { run: 1 })];
      const hits = [v10.hit(20n, 1, [7, 7]), v10.hit(10n, 2, [8, 8]), v10.hit(15n, 1, [9, 9])];
      const { code, items } = splitFiles(folder, {
        "a.evt": [begin, v10.built(undefined, hits), end],
      });
      expect(code).toBe(0);
      const [late, , early] = hits.map(payload);
      expect(items(1)).toEqual(hexOf([begin, early!, late!, end]));
    }));

  test("keeps payloads without stamp and items without body header as they are", () =>
    inFolder((folder) => {
      const begin = ring.state("BEGIN_RUN", { run: 1 });
      const stampless = ring.physics({ source: 1 }, [1, 2]);
      const bare = ring.physics(undefined, [3, 4]);
      const built = ring.built({ stamp: 1n, source: 9 }, [
        ring.hit(100n, 1, [5, 6]),
        { source: 1, payload: stampless },
      ]);
      const later = ring.physics({ stamp: 90n, source: 1 }, [7, 8]);
      const { code, items } = splitFiles(folder, { "a.evt": [begin, built, bare, later] });
      expect(code).toBe(0);
      const hit = ring.physics({ stamp: 100n, source: 1 }, [5, 6]);
      // Those without a stamp have the largest one shown so far, 100.
      const [format, ...rest] = items(1);
      // Made, as there was none: 0 and 4 both say that there is no body header.
      expect(format!.replace(/^(.{16})04/, "$100")).toBe(ring.format(11).toString("hex"));
      expect(rest).toEqual(hexOf([begin, later, hit, stampless, bare]));
    }));

  test("has the events of its builder with --depth 0", () =>
    inFolder((folder) => {
      const { format, event, raw } = partsOf(ring);
      const { items } = splitFiles(folder, { "a.evt": [format, event, raw] }, "--depth 0");
      expect(items(99)).toEqual(hexOf([format, event]));
      expect(items(2)).toEqual(hexOf([format, raw]));
    }));

  test("has segments that order takes for one stream, and a checksum of its own", () =>
    inFolder((folder) => {
      const hits = [5n, 3n, 4n, 1n, 2n].map((stamp) => ring.physics({ stamp, source: 7 }, [1, 1]));
      const { runs } = splitFiles(folder, { "a.evt": hits }, "--segment-size 70B --run 12");
      // RING_FORMAT 16, each event 30 bytes.
      const files = ["00", "01", "02"].map((k) => `source-7-run-0012-${k}.evt`);
      expect(runs).toMatchObject([{ files, checksum: "source-7-run-0012.sha512" }]);
      const bytes = Buffer.concat(files.map((name) => readFileSync(join(folder, "out", name))));
      const sum = createHash("sha512").update(bytes).digest("hex");
      expect(readFileSync(join(folder, "out", "source-7-run-0012.sha512"), "utf8")).toBe(
        `${sum}  -\n`,
      );
      const again = evb(["order", "out", "-o", "again", "--json"], folder);
      expect(JSON.parse(again.stdout)).toMatchObject({
        runs: [{ run: 12, fragmentsOut: 5, backwardStepsIn: 0 }],
      });
    }));
});

describe("all sources' files", () => {
  const GENERATED = [
    "",
    "--item-version 11 --nesting 2 --big-endian",
    "--unbuilt --late-source 2:1000:9000",
    "--item-version 10",
    "--extension 12 --duplicate 0.05",
  ];

  test.each(GENERATED)("are the run again when they are ordered: generate %j", (options) =>
    inFolder((folder) => {
      const words = `generate g --format ring --events 400 --event-size 60 --disorder 0.05 --pauses 2 ${options}`;
      expect(evb(wordsOf(words), folder).code).toBe(0);
      const order = (...more: string[]): number | null =>
        evb(["order", "--quiet", ...more], folder).code;
      expect(order("g", "-o", "direct", "--window", "100")).toBe(0);
      expect(order("g", "--split", "split")).toBe(0);
      expect(order("g", "--split", "several", "--clients", "2", "--batch", "7")).toBe(0);
      const names = readdirSync(join(folder, "split")).filter((name) => name.endsWith(".evt"));
      expect(names.length).toBeGreaterThanOrEqual(4);
      for (const name of names) {
        const [one, other] = ["split", "several"].map((of) => readFileSync(join(folder, of, name)));
        expect({ name, same: one!.equals(other!) }).toEqual({ name, same: true });
      }
      // NSCLDAQ 10 has no body headers: only fragments' headers say which source and when.
      if (options.includes("10")) return;
      expect(order("split", "-o", "again", "--window", "100")).toBe(0);
      const [direct, again] = ["direct", "again"].map((of) =>
        readFileSync(join(folder, of, "run-0001-00.evt")),
      );
      expect(again!.equals(direct!)).toBe(true);
    }),
  );

  test("are those of their report: --resume does nothing more, --force writes them anew", () =>
    inFolder((folder) => {
      const { event } = partsOf(ring);
      const first = splitFiles(folder, { "a.evt": [event] });
      expect(splitFiles(folder, { "a.evt": [event] }).code).toBe(2);
      const resumed = splitFiles(folder, { "a.evt": [event] }, "--resume");
      expect([resumed.code, resumed.runs]).toEqual([0, first.runs]);
      rmSync(join(folder, "a.evt"));
      const forced = splitFiles(folder, { "b.evt": [event] }, "--force");
      expect([forced.code, forced.items(1)]).toEqual([0, first.items(1)]);
    }));
});

describe("what can't be split", () => {
  test.each([
    ["bytes that are no ring item", [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["fewer bytes than a header", [1, 2, 3]],
    ["nothing", []],
  ])("is a fragment that holds %s: it is named, and no file is left", (_, bytes) =>
    inFolder((folder) => {
      const odd = { stamp: 77n, source: 3, payload: Uint8Array.from(bytes) };
      const built = ring.built({ stamp: 1n, source: 9 }, [ring.hit(5n, 1, [1, 1]), odd]);
      writeFileSync(join(folder, "a.evt"), built);
      const ended = evb(["order", "a.evt", "--split", "out", "--quiet"], folder);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("source 3 with time stamp 77");
      expect(readdirSync(join(folder, "out")).filter((name) => name.endsWith(".evt"))).toEqual([]);
      expect(evb(["order", "a.evt", "-o", "built", "--quiet"], folder).code).toBe(0);
    }),
  );

  test.each(["--window 5", "--policy latest", "--like glom", "--max-fragments 3", "-o other"])(
    "has no use for %s",
    (options) =>
      inFolder((folder) => {
        writeFileSync(join(folder, "a.evt"), ring.physics({ stamp: 1n, source: 1 }, [1, 1]));
        const ended = evb(["order", "a.evt", "--split", "out", ...wordsOf(options)], folder);
        expect(ended.code).toBe(2);
        expect(sentenceOf(ended)).toContain("exclude each other");
        expect(readdirSync(folder)).toEqual(["a.evt"]);
      }),
  );
});
