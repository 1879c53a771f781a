import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { evb, sentenceOf, type Ended } from "../support/evb.ts";
import { inFolder } from "../support/folder.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { wordsOf } from "../cli/ring-order.ts";

/** `evb order --index FILE`: what a scan found, kept, and used where it holds. */
const ring = new RingBytes({ version: 11, littleEndian: true });

const USED = "they are not scanned again";

const generate = (folder: string, options: string): void => {
  const words = `generate g --format ring --events 200 --event-size 100 --disorder 0.05 ${options}`;
  expect(evb(wordsOf(words), folder).code).toBe(0);
};

const order = (folder: string, options: string): Ended =>
  evb(["order", ...wordsOf(options), "--index", "r.h5"], folder);

const bytesOf = (folder: string, out: string): Buffer =>
  Buffer.concat(
    readdirSync(join(folder, out))
      .filter((name) => name.endsWith(".evt"))
      .sort()
      .map((name) => readFileSync(join(folder, out, name))),
  );

describe("an index that is there", () => {
  test.each([
    ["--pauses 2", "--window 100"],
    ["--item-version 10 --nesting 2", "--window 100 --policy average"],
    ["--unbuilt --missing-headers all --big-endian", "--headerless 3 --timestamp-at 0:u64be"],
    ["--segment-size 4kB --null-stamps 0.05", "--window 5 --window 100 --match gap"],
    ["--item-version 11 --missing-headers run-items", "--split"],
    ["--damage zero-size:30", "--salvage"],
  ])("gives the same as a scan: generate %s, order %s", (generated, ordered) =>
    inFolder((folder) => {
      generate(folder, generated);
      const into = (out: string): string =>
        ordered === "--split" ? `--split ${out}` : `-o ${out} ${ordered}`;
      const scanned = order(folder, `g ${into("a")} --json`);
      expect([scanned.code, scanned.stderr]).toEqual([0, ""]);
      const kept = order(folder, `g ${into("b")} --json`);
      expect(kept.code).toBe(0);
      expect(kept.stderr).toContain(USED);
      const reportOf = ({ stdout }: Ended): unknown =>
        JSON.parse(stdout, (key, value: unknown) => (key === "seconds" ? 0 : value));
      expect(reportOf(kept)).toEqual(reportOf(scanned));
      const windows = readdirSync(join(folder, "a")).filter((name) => name.startsWith("window-"));
      for (const below of windows.length === 0 ? [""] : windows) {
        const [one, other] = ["a", "b"].map((out) => bytesOf(folder, join(out, below)));
        expect(one!.length).toBeGreaterThan(0);
        expect(other!.equals(one!)).toBe(true);
      }
    }),
  );

  test("holds for the same run in another folder", () =>
    inFolder((folder) => {
      generate(folder, "");
      order(folder, "g -o a");
      renameSync(join(folder, "g"), join(folder, "moved"));
      const again = order(folder, "moved -o b");
      expect([again.code, again.stderr.includes(USED)]).toEqual([0, true]);
      expect(bytesOf(folder, "b").equals(bytesOf(folder, "a"))).toBe(true);
    }));

  test.each([
    ["another file", "h -o b", /is of another scan/],
    ["a file more", "g h --run 1 -o b", /is of another scan/],
    ["other options", "g -o b --depth 1", /--depth was all and is 1/],
    [
      "another rule for items without body header",
      "g -o b --headerless 7",
      /--headerless was none/,
    ],
  ])("is refused for %s, and --force replaces it", (_, options, reason) =>
    inFolder((folder) => {
      generate(folder, "");
      mkdirSync(join(folder, "h"));
      const more = [ring.format(), ring.physics({ stamp: 1n, source: 1 }, [1, 1])];
      writeFileSync(join(folder, "h", "run-0001-00.evt"), Buffer.concat(more));
      order(folder, "g -o a");
      const kept = readFileSync(join(folder, "r.h5"));
      const refused = order(folder, options);
      expect(refused.code).toBe(2);
      expect(sentenceOf(refused)).toMatch(reason);
      expect(existsSync(join(folder, "b"))).toBe(false);
      expect(readFileSync(join(folder, "r.h5")).equals(kept)).toBe(true);
      const forced = order(folder, `${options} --force`);
      expect([forced.code, forced.stderr]).toEqual([0, ""]);
      const again = order(folder, options.replace("-o b", "-o c"));
      expect([again.code, again.stderr.includes(USED)]).toEqual([0, true]);
      expect(bytesOf(folder, "c").equals(bytesOf(folder, "b"))).toBe(true);
    }),
  );

  test("is refused where a rule in a file is another one now", () =>
    inFolder((folder) => {
      generate(folder, "");
      writeFileSync(join(folder, "rules"), "BEGIN_RUN=1\n");
      order(folder, "g -o a --headerless @rules");
      writeFileSync(join(folder, "rules"), "BEGIN_RUN=2\n");
      const refused = order(folder, "g -o b --headerless @rules");
      expect(sentenceOf(refused)).toContain("--headerless was BEGIN_RUN=1 and is BEGIN_RUN=2");
    }));

  test("is refused where the file grew", () =>
    inFolder((folder) => {
      generate(folder, "");
      order(folder, "g -o a");
      const path = join(folder, "g", "run-0001-00.evt");
      const late = ring.physics({ stamp: 1n, source: 1 }, [1, 1]);
      writeFileSync(path, Buffer.concat([readFileSync(path), late]));
      const refused = order(folder, "g -o b");
      expect(refused.code).toBe(2);
      expect(sentenceOf(refused)).toMatch(/run-0001-00\.evt: it has \d+ bytes and had \d+/);
    }));

  test("is never somebody else's file", () =>
    inFolder((folder) => {
      generate(folder, "");
      writeFileSync(join(folder, "r.h5"), "not mine");
      const refused = order(folder, "g -o a --force");
      expect(refused.code).toBe(2);
      expect(sentenceOf(refused)).toContain("choose another name");
      expect(readFileSync(join(folder, "r.h5"), "utf8")).toBe("not mine");
    }));

  test("is of one run, and of files", () =>
    inFolder((folder) => {
      const run = (number: number): Buffer =>
        Buffer.concat([ring.state("BEGIN_RUN", { run: number }, { source: 1, barrier: 1 })]);
      writeFileSync(join(folder, "a.evt"), run(1));
      writeFileSync(join(folder, "b.evt"), run(2));
      const refused = order(folder, "a.evt b.evt -o out");
      expect(refused.code).toBe(2);
      expect(sentenceOf(refused)).toContain("the inputs are runs 1, 2");
      expect(sentenceOf(order(folder, "- -o out"))).toContain("pipe");
      expect(readdirSync(folder).sort()).toEqual(["a.evt", "b.evt"]);
    }));
});

describe("evb inspect", () => {
  test("says what the index is of, without the data", () =>
    inFolder((folder) => {
      generate(folder, "");
      order(folder, "g -o a --depth 3");
      const path = join(folder, "g", "run-0001-00.evt");
      const size = readFileSync(path).length;
      renameSync(path, join(folder, "gone"));
      const { code, stdout } = evb(["inspect", "r.h5", "--json"], folder);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        root: join(folder, "g"),
        files: [{ path: "run-0001-00.evt", size }],
        options: { depth: "3", salvage: "false" },
        run: 1,
        backwardSteps: expect.any(Number) as unknown,
        sources: expect.arrayContaining([
          expect.objectContaining({ source: 1, outOfOrder: expect.any(Number) as unknown }),
        ]) as unknown,
      });
      const text = evb(["inspect", "r.h5"], folder);
      expect([text.code, text.stderr]).toEqual([0, ""]);
      expect(text.stdout).toMatch(/^ring index of run 1, .*: 1 file/);
    }));

  test("shows the same windows from the index as from the data", () =>
    inFolder((folder) => {
      generate(folder, "--pauses 2 --null-stamps 0.01");
      order(folder, "g -o a");
      const words = ["--windows", "--match", "gap", "--json"];
      const [data, index] = ["g/run-0001-00.evt", "r.h5"].map((file) =>
        evb(["inspect", file, ...words], folder),
      );
      expect([data!.code, data!.stderr]).toEqual([0, ""]);
      expect(index).toEqual(data);
    }));

  test.each([
    ["--items", /no ring items to list/],
    ["--events", /no events to list/],
  ])("has no %s of it", (option, reason) =>
    inFolder((folder) => {
      generate(folder, "");
      order(folder, "g -o a");
      const ended = evb(["inspect", "r.h5", option], folder);
      expect(ended.code).toBe(2);
      expect(sentenceOf(ended)).toMatch(reason);
      expect(sentenceOf(evb(["run", "r.h5", "-o", "x"], folder))).toContain("evb order --index");
    }),
  );
});
