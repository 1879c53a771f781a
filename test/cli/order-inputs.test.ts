import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, evbLine, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { listingOf, rawOf } from "./ring-listing.ts";
import { cutItems, writeFiles, writtenRun } from "./ring-order.ts";

const ring = new RingBytes({ version: 12, littleEndian: true });
const begin = ring.state("BEGIN_RUN", { run: 1 }, { source: 1, barrier: 1 });
const end = ring.state("END_RUN", { run: 1 }, { source: 1, barrier: 2 });
const whole = [ring.format(), begin, ...rawOf(ring, "1@30 1@20 1@40"), end];

describe("what order reads", () => {
  test("may be a pipe: the same bytes as of the file, and nothing is left of it", () =>
    inFolder((folder) => {
      writeFiles(folder, { "a.evt": whole });
      expect(evb(["order", "a.evt", "-o", "file"], folder).code).toBe(0);
      const { status } = spawnSync("sh", ["-c", `cat a.evt | ${evbLine("order - -o pipe")}`], {
        cwd: folder,
      });
      expect(status).toBe(0);
      const [file, pipe] = ["file", "pipe"].map((out) =>
        readFileSync(join(folder, out, "run-0001-00.evt")),
      );
      expect(pipe!.equals(file!)).toBe(true);
      const left = spawnSync("ls", ["-A"], { cwd: folder, encoding: "utf8" }).stdout;
      expect(left.split("\n").filter(Boolean)).toEqual(["a.evt", "file", "pipe"]);
    }));

  test("is a folder's .evt files, or what a pattern names", () =>
    inFolder((folder) => {
      writeFiles(folder, {
        "run-0001-00.evt": whole.slice(0, 3),
        "run-0001-01.evt": whole.slice(3),
      });
      writeFileSync(join(folder, "notes.txt"), "no events");
      for (const [input, out] of [
        [".", "of-folder"],
        ["run-*.evt", "of-pattern"],
      ] as const) {
        const { code, stdout } = evb(["order", input, "-o", out, "--json"], folder);
        expect(code).toBe(0);
        const { runs } = JSON.parse(stdout) as { runs: { fragmentsOut: number }[] };
        expect(runs.map(({ fragmentsOut }) => fragmentsOut)).toEqual([3]);
      }
    }));

  test("isn't two segments under each other's names", () =>
    inFolder((folder) => {
      writeFiles(folder, {
        "run-0001-01.evt": whole.slice(0, 3),
        "run-0001-00.evt": whole.slice(3),
      });
      const ended = evb(["order", ".", "-o", "out"], folder);
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(/begins in .*run-0001-01\.evt at byte 16 \(item 1\)/);
    }));

  test("and what keeps it from being read leaves no folder behind", () =>
    inFolder((folder) => {
      writeFiles(folder, { "a.evt": [...whole, Buffer.from("cut off")] });
      expect(evb(["order", "a.evt", "-o", "out"], folder).code).toBe(1);
      expect(evb(["order", "a.evt", "-o", "out", "--salvage"], folder).code).toBe(0);
    }));

  test("is never written to: a folder that holds it is refused, whatever is said", () =>
    inFolder((folder) => {
      mkdirSync(join(folder, "raw"));
      writeFiles(join(folder, "raw"), { "run-0001-00.evt": whole });
      symlinkSync("raw", join(folder, "link"));
      for (const out of ["raw", "link"])
        for (const how of ["--force", "--resume"]) {
          const ended = evb(["order", "raw/run-0001-00.evt", "-o", out, how], folder);
          expect(ended.code).toBe(2);
          expect(sentenceOf(ended)).toContain("holds the input");
        }
      const bytes = readFileSync(join(folder, "raw/run-0001-00.evt"));
      expect(bytes.equals(Buffer.concat(whole))).toBe(true);
    }));

  test("must be what a finished run was made of: --resume looks", () =>
    inFolder((folder) => {
      writeFiles(folder, {
        "a.evt": whole,
        "b.evt": [ring.format(), begin, ...rawOf(ring, "1@5"), end],
      });
      expect(evb(["order", "a.evt", "-o", "out"], folder).code).toBe(0);
      const other = evb(["order", "b.evt", "-o", "out", "--resume"], folder);
      expect(other.code).toBe(2);
      expect(sentenceOf(other)).toContain("the inputs");
      const written = join(folder, "out/run-0001-00.evt");
      const bytes = readFileSync(written);
      rmSync(written);
      expect(evb(["order", "a.evt", "-o", "out", "--resume"], folder).code).toBe(0);
      expect(readFileSync(written).equals(bytes)).toBe(true);
    }));

  test("isn't another run that shows its number late", () =>
    inFolder((folder) => {
      const five = (type: "BEGIN_RUN" | "END_RUN"): Buffer =>
        ring.state(type, { run: 5 }, { source: 1, barrier: 1 });
      writeFiles(folder, {
        "a.evt": [...rawOf(ring, "1@10"), five("END_RUN")],
        "b.evt": [five("BEGIN_RUN"), ...rawOf(ring, "1@20"), five("END_RUN")],
      });
      const ended = evb(["order", "a.evt", "b.evt", "-o", "out"], folder);
      expect(ended.code).toBe(1);
      expect(sentenceOf(ended)).toMatch(/a\.evt is of run 5.*--run 5/);
      expect(evb(["order", "a.evt", "b.evt", "-o", "out", "--run", "5"], folder).code).toBe(0);
      expect(evb(["order", "a.evt", "-o", "alone"], folder).code).toBe(0);
    }));

  test("has streams of their own: what BEGIN_RUN of one shows counts in that one", () =>
    inFolder((folder) => {
      const late = { source: 2, barrier: 1, stamp: 1000n };
      writeFiles(folder, {
        "s1.evt": [begin, ...rawOf(ring, "1@500"), end],
        "s2.evt": [ring.state("BEGIN_RUN", { run: 1 }, late), ...rawOf(ring, "2@null")],
      });
      expect(evb(["order", "s1.evt", "s2.evt", "-o", "out"], folder).code).toBe(0);
      const events = listingOf(cutItems(writtenRun(join(folder, "out")))).slice(4, 6);
      expect(events).toEqual(["[500: 1@500]", "[1000: 2@1000]"]);
    }));

  test("may hold data that look like a fragment: nothing of that is left", () =>
    inFolder((folder) => {
      // Body: its own size, a stamp, a source, 4 bytes of payload, a barrier; then no fragment's header.
      const body = Buffer.alloc(40, 0xff);
      [40, 0, 0, 777_777, 4, 5].forEach((word, k) => body.writeUInt32LE(word, 4 * k));
      const raw = ring.item(30, { source: 1, stamp: 10n, barrier: 0 }, body);
      writeFiles(folder, { "a.evt": [ring.format(), begin, raw, end] });
      const { code, stdout } = evb(["order", "a.evt", "-o", "out", "--json"], folder);
      expect(code).toBe(0);
      const { runs } = JSON.parse(stdout) as { runs: { sources: { source: number }[] }[] };
      expect(runs[0]!.sources.map(({ source }) => source)).toEqual([1]);
      const event = cutItems(writtenRun(join(folder, "out")))[3]!;
      // Item and body header, byte count; stamp, source and size of the fragment.
      expect(event.readUInt32LE(28 + 4 + 16)).toBe(0);
    }));
});
