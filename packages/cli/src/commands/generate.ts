import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { CommandModule } from "yargs";
import {
  generateRingRun,
  generateRun,
  planMockRingRun,
  planMockRun,
  type GenerateOptions,
  type MockRun,
} from "@evb/generate";
import { bytesText, counted, ProgressBar, secondsText } from "@evb/watch";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { parseCount, parseSize } from "../sizes.ts";
import { print, printJson } from "../terminal.ts";
import { mockRun } from "./generate-hdf5.ts";
import { FORMAT_OPTIONS, generateOptions, type GenerateArguments } from "./generate-options.ts";
import { mockRingRun } from "./generate-ring.ts";

const COUNT_MAX = 2 ** 32 - 1;

export const generateCommand: CommandModule<object, GenerateArguments> = {
  command: "generate <dir>",
  describe: "write a mock run with known content, and truth.json",
  builder: generateOptions as never,
  handler: async (argv) => {
    refuseOthers(argv);
    const job = argv.format === "ring" ? ringJob(argv) : hdf5Job(argv);
    checkSpace(argv.dir, job.bytes);
    const bar = new ProgressBar(process.stderr, "writing", (bytes) => `${bytesText(bytes)}/s`);
    const begun = performance.now();
    const signal = interruptSignal(argv);
    const onProgress = (done: number, total: number): void => {
      if (!argv.quiet) bar.show(done, total);
    };
    const written = await job
      .write({ signal, force: argv.force, onProgress })
      .catch((thrown: unknown) => {
        throw thrown === signal.reason
          ? fault("generate-interrupted", { folder: argv.dir })
          : thrown;
      });
    bar.clear();
    if (argv.json) {
      printJson(written.truth);
      return;
    }
    const seconds = (performance.now() - begun) / 1000;
    print(`${written.counts} in ${secondsText(seconds)}`);
    print(`run ${argv.dir}, content in ${argv.dir}/truth.json`);
  },
};

/** A run to be made. */
interface Job {
  /** About as many as it takes. */
  readonly bytes: number;
  readonly write: (options: GenerateOptions) => Promise<Written>;
}

interface Written {
  readonly truth: unknown;
  /** For people. */
  readonly counts: string;
}

function hdf5Job(argv: GenerateArguments): Job {
  const run = mockRun(argv, runSize(argv));
  const { bytes } = planMockRun(run);
  const write = async (options: GenerateOptions): Promise<Written> => {
    const truth = await generateRun(run, options);
    const counts = `${counted(run.files, "file")}, ${counted(truth.events, "event")}, ${bytesText(bytes)}`;
    return { truth, counts };
  };
  return { bytes, write };
}

function ringJob(argv: GenerateArguments): Job {
  const run = mockRingRun(argv, runSize(argv));
  const { bytes } = planMockRingRun(run);
  const write = async (options: GenerateOptions): Promise<Written> => {
    const truth = await generateRingRun(run, options);
    const files = counted(truth.files.length, "segment");
    const fragments = counted(truth.fragments, "fragment");
    return {
      truth,
      counts: `${files}, ${counted(truth.items, "item")}, ${fragments}, ${bytesText(truth.bytes)}`,
    };
  };
  return { bytes, write };
}

/** What goes with the other format only would be passed over in silence. */
function refuseOthers(argv: GenerateArguments): void {
  const other = argv.format === "ring" ? "hdf5" : "ring";
  for (const option of FORMAT_OPTIONS[other])
    if ((argv as unknown as Record<string, unknown>)[option] !== undefined)
      throw fault("other-format", { option, format: other });
}

function runSize({ events, fileSize }: GenerateArguments): MockRun["size"] {
  if (events !== undefined && fileSize !== undefined)
    throw fault("options-exclude", { one: "events", other: "file-size" });
  if (fileSize !== undefined) return { kind: "file-size", bytes: parseSize("file-size", fileSize) };
  return {
    kind: "events",
    events: parseCount("events", events ?? "300", { min: 1, max: COUNT_MAX }),
  };
}

/** A disk that fills up half-way has cost the user the time. */
function checkSpace(directory: string, bytes: number): void {
  let folder = resolve(directory);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes > free)
    throw fault("no-space", { folder, needed: bytesText(bytes), free: bytesText(free) });
}
