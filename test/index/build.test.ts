import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { generateRun, type MockRun, type Truth, type TrueMatch } from "@evb/generate";
import { RunIndex, type IndexOrder, type IndexOutcome } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { index, writeLclsFile, writeSeedFile } from "../support/run-files.ts";

const T = 1_700_000_000_000_000_000n;

/** Events of an index as [time, "source[row] …"], the whole of it in one slab. */
async function eventsOf(path: string): Promise<[bigint, string][]> {
  const run = await RunIndex.open(path);
  try {
    const slab = run.slab(0, run.eventCount);
    return Array.from(slab.time, (time, event) => {
      const fragments: string[] = [];
      for (let f = slab.start[event]!; f < slab.start[event + 1]!; f++)
        fragments.push(`${run.sources[slab.source[f]!]!.name}[${String(slab.row[f])}]`);
      return [time, fragments.join(" ")];
    });
  } finally {
    run.close();
  }
}

describe("the index of a mock run", () => {
  const RUN: Omit<MockRun, "directory" | "layout"> = {
    files: 5,
    size: { kind: "events", events: 600 },
    eventBytes: 16,
    labels: ["red", "green", "blue"],
    dropShare: 0.5,
    eventsPerChunk: 100,
    seed: 11,
    lateShare: 0.05,
    duplicateShare: 0.05,
    disorderShare: 0.05,
  };

  /** What the generator knows, in the words of the report. */
  function expectTruth(outcome: IndexOutcome, truth: Truth, part: TrueMatch, label?: string): void {
    const { events, fragments, multiplicity, sources } = outcome.report;
    expect({ events, fragments, multiplicity }).toEqual({
      events: part.events,
      fragments: part.fragments,
      multiplicity: part.multiplicity,
    });
    expect(sources).toEqual(
      truth.files.map(({ file, rows, duplicates, outOfOrder, ...counts }) => {
        const matched = label === undefined ? counts.matched : counts.selected[label]!;
        const unmatched = rows - duplicates - matched;
        const source = file.replace(".h5", "");
        return { source, file, rows, matched, unmatched, duplicates, outOfOrder, library: null };
      }),
    );
  }

  test.each(["seed", "lcls"] as const)("has what truth.json says, layout %s", (layout) =>
    inFolder(async (folder) => {
      const truth = await generateRun({ ...RUN, layout, directory: folder }, {});
      const all = await index([folder], join(folder, "all.h5"));
      expectTruth(all, truth, truth.all);
      expect(all.selected).toBeUndefined();

      const red = await index([folder], join(folder, "red.h5"), { select: { kind: "default" } });
      expectTruth(red, truth, truth.selected["red"]!, "red");
      const name = layout === "seed" ? "smalldata" : "diode_values";
      expect(red.selected?.text).toBe(`${name} == "red"`);

      const blue = await index([folder], join(folder, "blue.h5"), {
        select: { kind: "expression", text: `${name} == "blue"` },
      });
      expectTruth(blue, truth, truth.selected["blue"]!, "blue");
    }),
  );

  test.each([2, 5, "all"] as const)("keeps events of %p sources and more", (require) =>
    inFolder(async (folder) => {
      const truth = await generateRun({ ...RUN, layout: "seed", directory: folder }, {});
      const { report } = await index([folder], join(folder, "some.h5"), { require });
      const needed = require === "all" ? 5 : require;
      const kept = Object.entries(truth.all.multiplicity).filter(([n]) => Number(n) >= needed);
      expect(report.multiplicity).toEqual(Object.fromEntries(kept));
      expect(report.fragments).toBe(kept.reduce((sum, [n, events]) => sum + Number(n) * events, 0));
    }),
  );

  test("keeps some of its sources", () =>
    inFolder(async (folder) => {
      const truth = await generateRun({ ...RUN, layout: "lcls", directory: folder }, {});
      const { report } = await index([folder], join(folder, "two.h5"), { sources: "file[24]" });
      expect(report.sources.map(({ source, matched }) => [source, matched])).toEqual([
        ["file2", truth.files[1]!.matched],
        ["file4", truth.files[3]!.matched],
      ]);
    }));
});

describe("labels", () => {
  /** File 1 is red at 2 and 3, but has no row 3; files 2 and 3 have. */
  async function writeRun(folder: string): Promise<void> {
    const complete = [
      [T, "blue"],
      [T + 13n, "red"],
      [T + 26n, "red"],
      [T + 39n, "red"],
    ] as const;
    await writeLclsFile(folder, { name: "file1.h5", times: [T, T + 13n], complete });
    await writeLclsFile(folder, { name: "file2.h5", times: [T + 26n, T, T + 13n] });
    await writeLclsFile(folder, { name: "file3.h5", times: [T + 26n] });
  }

  test("belong to time stamps: one that file 1 lacks and others have is an event", () =>
    inFolder(async (folder) => {
      await writeRun(folder);
      const out = join(folder, "x.h5");
      const { selected } = await index([folder], out, { select: { kind: "default" } });
      expect(selected).toEqual({ text: 'diode_values == "red"', stamps: 3, of: 4 });
      expect(await eventsOf(out)).toEqual([
        [T + 13n, "file1[1] file2[2]"],
        [T + 26n, "file2[0] file3[0]"],
      ]);
    }));

  test("select also where their file is no source", () =>
    inFolder(async (folder) => {
      await writeRun(folder);
      const out = join(folder, "x.h5");
      await index([folder], out, { select: { kind: "default" }, sources: "file[23]" });
      expect(await eventsOf(out)).toEqual([
        [T + 13n, "file2[2]"],
        [T + 26n, "file2[0] file3[0]"],
      ]);
    }));

  test("of a stamp that stands twice select it if one of them does", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5, 6, 5], labels: ["blue", "blue", "red"] });
      const out = join(folder, "x.h5");
      const { selected, report } = await index([folder], out, { select: { kind: "default" } });
      expect(selected).toMatchObject({ stamps: 1, of: 3 });
      expect(await eventsOf(out)).toEqual([[5n, "file1[0]"]]);
      expect(report.sources[0]).toMatchObject({ matched: 1, unmatched: 1, duplicates: 1 });
    }));

  test("that no file has can't select", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 2, times: [5, 6] });
      const fault = await faultOf(() =>
        index([folder], join(folder, "x.h5"), { select: { kind: "default" } }),
      );
      expect(fault).toMatchObject({ tag: "no-labels", exitCode: 2 });
      expect(fault.message).toContain("use --all, or add that file");
    }));

  test("that the run lacks are refused, and nothing is written", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5], labels: ["red"] });
      const select: IndexOrder["select"] = { kind: "expression", text: "charge > 1" };
      const fault = await faultOf(() => index([folder], join(folder, "x.h5"), { select }));
      expect(fault).toMatchObject({ tag: "selection-unknown-label", exitCode: 2 });
      expect(readdirSync(folder)).toEqual(["file1.h5"]);
    }));
});

describe("an index", () => {
  test("of 200 files has them all, in order", () =>
    inFolder(async (folder) => {
      for (let n = 1; n <= 200; n++) await writeSeedFile(folder, { n, times: [7, 100 + n] });
      const out = join(folder, "x.h5");
      const { report } = await index([folder], out);
      expect(report.multiplicity).toEqual({ "1": 200, "200": 1 });
      const [first, second, ...rest] = await eventsOf(out);
      expect(first![1].split(" ")).toEqual(
        Array.from({ length: 200 }, (_, i) => `file${String(i + 1)}[0]`),
      );
      expect([second, rest.at(-1)]).toEqual([
        [101n, "file1[1]"],
        [300n, "file200[1]"],
      ]);
    }));

  test("has files without a row as sources without a fragment", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [], labels: [] });
      await writeSeedFile(folder, { n: 2, times: [5] });
      await writeSeedFile(folder, { n: 3, times: [] });
      const out = join(folder, "x.h5");
      const { report } = await index([folder], out);
      expect(report.sources.map(({ rows, matched }) => [rows, matched])).toEqual([
        [0, 0],
        [1, 1],
        [0, 0],
      ]);
      expect(await eventsOf(out)).toEqual([[5n, "file2[0]"]]);
    }));

  test("without an event is written all the same", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5], labels: ["blue"] });
      const out = join(folder, "x.h5");
      const { report } = await index([folder], out, { select: { kind: "default" } });
      expect(report).toMatchObject({ events: 0, fragments: 0, multiplicity: {} });
      expect(await eventsOf(out)).toEqual([]);
    }));

  test("is refused where something is, unless it is to be replaced", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5] });
      const out = join(folder, "x.index.h5");
      writeFileSync(out, "somebody's");
      const fault = await faultOf(() => index([folder], out));
      expect(fault).toMatchObject({ tag: "out-exists", exitCode: 2 });
      expect(fault.message).toBe(
        `${out} exists already; choose another name, or --force to replace it`,
      );
      // Not what somebody else wrote, but an index is.
      const foreign = await faultOf(() => index([folder], out, { force: true }));
      expect(foreign).toMatchObject({ tag: "out-foreign", exitCode: 2 });
      rmSync(out);
      await index([folder], out);
      await index([folder], out, { force: true });
      expect(await eventsOf(out)).toHaveLength(1);
      expect(readdirSync(folder)).toEqual(["file1.h5", "x.index.h5"]);
    }));

  test("that can't be written says where and why, and leaves nothing half-written", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5] });
      const out = join(folder, "nowhere", "x.h5");
      const fault = await faultOf(() => index([folder], out));
      expect(fault).toMatchObject({ tag: "out-unwritable", exitCode: 1 });
      expect(fault.message).toBe(
        `${out} can't be written: No such file or directory; check that its folder is there, writable, and has room`,
      );
      writeFileSync(join(folder, "file"), "");
      const other = await faultOf(() => index([folder], join(folder, "file", "x.h5")));
      expect(other).toMatchObject({ tag: "out-unwritable", exitCode: 1 });
      expect(other.message).toContain(
        "x.h5 can't be written: Not a directory; check that its folder",
      );
      expect(readdirSync(folder)).toEqual(["file", "file1.h5"]);
    }));

  test("of sources that no name matches says which there are", () =>
    inFolder(async (folder) => {
      await writeSeedFile(folder, { n: 1, times: [5] });
      const fault = await faultOf(() => index([folder], join(folder, "x.h5"), { sources: "cam*" }));
      expect(fault).toMatchObject({ tag: "no-such-source", exitCode: 2 });
      expect(fault.message).toBe("no source is called cam*; there are file1");
    }));
});
