import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sizes } from "../sizes.ts";
import { describeWith } from "../support/capabilities.ts";
import { SeededRandom } from "../support/random.ts";
import { EVB, oracle, ROOT, run, temporaryFolder, type Ran } from "../support/system.ts";

/** Whole commands on files that are damaged anywhere, as processes of their own; test/system/hdf5-storage.test.ts has the parser alone. */
const folder = temporaryFolder();
afterAll(folder.remove);
const MINUTES = 900_000;
/** Issue 5; of processors, so that other work on them doesn't count. */
const SECONDS_MAX = 10;
const MEGABYTES_MAX = 1000;
const SEED = 55;

const WHOLE = ["contiguous", "chunked", "big_endian", "grows_earliest", "grows_latest", "compact"];

/** One file in five is cut off; the others have some bytes changed, most of them where the metadata are. */
function damage(bytes: Buffer, random: SeededRandom): Buffer {
  if (random.below(5) === 0) return bytes.subarray(0, random.below(bytes.length));
  const end = random.below(3) === 0 ? bytes.length : 4096;
  const changed = Buffer.from(bytes);
  for (let i = 0; i < 1 + random.below(8); i++)
    changed[random.below(end)] = [0, 0xff, random.below(256)][random.below(3)]!;
  return changed;
}

interface Watched extends Ran {
  readonly peakMegabytes: number;
  readonly cpuSeconds: number;
}

function evb(...words: readonly string[]): Watched {
  const figures = join(folder.path, "figures");
  rmSync(figures, { force: true });
  const preload = join(ROOT, "test/bench/peers/process-figures.cjs");
  const env = [`NODE_OPTIONS=--require=${preload}`, `EVB_FIGURES=${figures}`, "EVB_PROGRAM=evb.js"];
  const ran = run("env", [...env, process.execPath, EVB, ...words]);
  const { peakMegabytes, cpuSeconds } = JSON.parse(readFileSync(figures, "utf8")) as Watched;
  return { ...ran, peakMegabytes, cpuSeconds };
}

/** What is wrong with how a command ended; undefined where it is as it must be. */
function problemOf(ran: Watched, codes: readonly number[]): string | undefined {
  const { code, stderr, cpuSeconds, peakMegabytes } = ran;
  if (!codes.includes(code ?? -1)) return `exit code ${String(code)}: ${stderr}`;
  const lines = stderr.split("\n").filter((line) => line !== "");
  if (code !== 0 && lines.length === 0) return "it says nothing";
  if (lines.some((line) => !line.startsWith("evb: "))) return `it says ${stderr}`;
  if (/defect of evb|^ {4}at /m.test(stderr)) return `it says ${stderr}`;
  if (cpuSeconds > SECONDS_MAX) return `it took ${cpuSeconds.toFixed(1)} s`;
  return peakMegabytes > MEGABYTES_MAX ? `it took ${peakMegabytes.toFixed(0)} MB` : undefined;
}

describeWith(["h5py", "hdf5tools"], "a file that is damaged anywhere", () => {
  let originals: Buffer[] = [];
  beforeAll(() => {
    oracle("odd_make.py", folder.path);
    originals = WHOLE.map((name) => readFileSync(join(folder.path, name, "file1.h5")));
  }, MINUTES);

  test(
    "is indexed and run, or named in one sentence, soon and in little memory",
    () => {
      const random = new SeededRandom(SEED);
      const problems: string[] = [];
      const codes = new Set<string>();
      mkdirSync(join(folder.path, "damaged"));
      const data = join(folder.path, "damaged/file1.h5");
      const [index, out] = [join(folder.path, "i.h5"), join(folder.path, "out")];
      for (let number = 0; number < sizes.damagedCommands.files; number++) {
        const which = random.below(originals.length);
        writeFileSync(data, damage(originals[which]!, random));
        const what = `${WHOLE[which]!}, seed ${String(SEED)}, file ${String(number)}`;
        const check = (command: string, ran: Watched, allowed: readonly number[]): void => {
          codes.add(`${command} ${String(ran.code)}`);
          const problem = problemOf(ran, allowed);
          if (problem !== undefined) problems.push(`${what}: evb ${command}: ${problem}`);
        };
        const indexed = evb("index", data, "-o", index, "--all", "--force");
        check("index", indexed, [0, 1, 3]);
        if (indexed.code !== 0) continue;
        const words = ["--clients", "1", "--quiet", "--force"];
        check("run", evb("run", index, "-o", out, ...words), [0, 1]);
      }
      expect(problems).toEqual([]);
      // All ways to end were met.
      expect([...codes].sort()).toEqual(expect.arrayContaining(["index 0", "index 3", "run 0"]));
    },
    MINUTES,
  );
});
