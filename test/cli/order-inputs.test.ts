import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, evbLine, sentenceOf } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { rawOf } from "./ring-listing.ts";
import { writeFiles } from "./ring-order.ts";

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
});
