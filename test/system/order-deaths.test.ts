import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import type { Ended } from "../support/evb.ts";
import { SeededRandom } from "../support/random.ts";
import { pause } from "../support/run-links.ts";
import {
  endAll,
  ended,
  processesIn,
  sentencesOf,
  start,
  type Running,
} from "../support/run-processes.ts";
import { Trace } from "../support/run-trace.ts";
import { crash, expectNobody, MINUTES } from "../support/run-trial.ts";

/** Of the input: a run takes some seconds then, and a death comes in its middle. */
const INPUT_BYTES = 250e6;
/** Input, output, and the output of the undisturbed run. */
const NEEDED_BYTES = 4 * INPUT_BYTES;
/** Very small parts, so that each of them is a small piece of the run. */
const CUT = ["--batch", "40", "--memory", "1MB"];
const WINDOW = ["--window", "100"];
/** Of the input, in whole seconds: a file's own time is finer than what can be set. */
const BEGUN = 1_700_000_000;
const FINISHED = ["report.json", "run-0001-00.evt", "run-0001.sha512"];

/** In memory where there is room: the tests are of deaths, not of the disk. */
function newFolder(): string {
  const memory = "/dev/shm";
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
  return mkdtempSync(join(bavail * bsize > 2 * NEEDED_BYTES ? memory : tmpdir(), "evb-deaths-"));
}

const sha512Of = (path: string): string =>
  createHash("sha512").update(readFileSync(path)).digest("hex");

let folder = "";
let input = "";
let undisturbed = "";
/** What a run takes here that nobody disturbs, from start to end. */
let wholeMs = 0;
let outs = 0;

beforeAll(async () => {
  folder = newFolder();
  input = join(folder, "input");
  const size = ["--file-size", `${String(INPUT_BYTES / 1e6)}MB`, "--disorder", "0.001"];
  const made = await ended(["generate", input, "--format", "ring", ...size, "--quiet"]);
  expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
  utimesSync(join(input, "run-0001-00.evt"), BEGUN, BEGUN);
  const out = newOut();
  const begun = performance.now();
  const done = await order(out).ended;
  wholeMs = performance.now() - begun;
  expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: "" });
  undisturbed = sha512Of(fileOf(out));
  rmSync(out, { recursive: true });
}, MINUTES);
afterEach(() => {
  endAll();
  for (const name of readdirSync(folder))
    if (name.startsWith("out")) rmSync(join(folder, name), { recursive: true, force: true });
});
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

const newOut = (): string => join(folder, `out${String(++outs)}`);
const fileOf = (out: string): string => join(out, "run-0001-00.evt");
const traceOf = (out: string): Trace => new Trace(`${out}.trace`);

/** Of an option that is given twice the second one holds. */
function order(out: string, ...words: string[]): Running {
  const usual = [CUT.slice(0, 2), CUT.slice(2), WINDOW, ["--trace", `${out}.trace`]];
  const options = usual.filter(([option]) => !words.includes(option!)).flat();
  return start(["order", input, "-o", out, ...options, ...words]);
}

/** The same bytes as without faults, their checksum, and nothing but what belongs there. */
function expectUndisturbed(done: Ended, out: string): void {
  if (done.code !== 0) throw new Error(`it ended with ${String(done.code)}: ${done.stderr}`);
  expect(readdirSync(out).sort()).toEqual(FINISHED);
  expect(sha512Of(fileOf(out))).toBe(undisturbed);
  const kept = readFileSync(join(out, "run-0001.sha512"), "utf8");
  expect(kept).toBe(`${undisturbed}  run-0001-00.evt\n`);
}

/** What somebody could have changed. */
const bytesAndTime = (path: string): { sha512: string; mtimeNs: bigint } => ({
  sha512: sha512Of(path),
  mtimeNs: statSync(path, { bigint: true }).mtimeNs,
});

describe("kill -9 of a client of evb order", () => {
  test(
    "in the middle: a new one takes its place, and the bytes are the same",
    async () => {
      const out = newOut();
      const running = order(out, "--clients", "2");
      const trace = traceOf(out);
      await trace.untilCommitted(running, 50, 1);
      await trace.untilCommitted(running, 50, 2);
      process.kill(trace.pidOf(1), "SIGKILL");
      expectUndisturbed(await running.ended, out);
      expect(trace.all("lost").map(({ rank }) => rank)).toEqual([1]);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "both at once: two new ones do the rest",
    async () => {
      const out = newOut();
      const running = order(out, "--clients", "2");
      const trace = traceOf(out);
      await trace.untilCommitted(running, 200);
      for (const rank of [1, 2]) process.kill(trace.pidOf(rank), "SIGKILL");
      expectUndisturbed(await running.ended, out);
      expect(trace.all("lost")).toHaveLength(2);
    },
    MINUTES,
  );
});

describe("kill -9 of evb order", () => {
  test.each([
    ["1", "1"],
    ["2", "2"],
    ["1", "2"],
    ["2", "1"],
  ])(
    "with %s clients, resumed with %s, gives the same bytes, and does nothing twice that was acknowledged",
    async (clients, others) => {
      const out = newOut();
      const running = order(out, "--clients", clients);
      const trace = traceOf(out);
      await trace.untilCommitted(running, 300);
      await crash(running);
      await expectNobody(out);
      // What isn't whole has no name that looks like it.
      expect(readdirSync(out)).toEqual([".run-0001"]);
      const before = trace.committed();
      const done = await order(out, "--clients", others, "--resume").ended;
      expectUndisturbed(done, out);
      const [first] = trace.all("listening").slice(1);
      const again = trace.all("commit").filter(({ at }) => at > first!.at);
      const parts = again.reduce((sum, { first: from, end }) => sum + end! - from!, 0);
      // The journal may lack what was told last.
      const all = trace.committed() - before;
      expect({ parts, all }).toEqual({ parts: all, all });
      expect(parts).toBeLessThan(totalParts(trace) - 100);
    },
    MINUTES,
  );

  test(
    "at any moment, again and again, until it comes to its end",
    async () => {
      const out = newOut();
      const random = new SeededRandom(4);
      let done: Ended | undefined;
      let lives = 0;
      while (done?.code !== 0) {
        const clients = String(1 + random.below(2));
        const running = order(out, "--clients", clients, ...(lives++ === 0 ? [] : ["--resume"]));
        // At first before anything is done, later at the very end. Of a whole run's time each life begins with the
        // scan again: three of a third of it don't come to the end.
        const share = 0.05 + 0.07 * lives + random.below(100) / 1000;
        const timer = setTimeout(() => {
          running.kill("SIGKILL");
        }, share * wholeMs);
        done = await running.ended;
        clearTimeout(timer);
        expect({ code: done.code, stderr: sentencesOf(done) }).toMatchObject({
          code: done.code === 0 ? 0 : null,
        });
        await expectNobody(out);
      }
      expect(lives).toBeGreaterThan(3);
      expectUndisturbed(done, out);
    },
    2 * MINUTES,
  );
});

/** Parts of the run: the largest end of all leases. */
const totalParts = (trace: Trace): number =>
  trace.all("lease").reduce((most, { end }) => Math.max(most, end!), 0);

describe("SIGTERM of evb order", () => {
  test.each(["1", "2"])(
    "ends it with 4, and --resume goes on (%s clients)",
    async (clients) => {
      const out = newOut();
      const running = order(out, "--clients", clients);
      const trace = traceOf(out);
      await trace.untilCommitted(running, 300);
      running.kill("SIGTERM");
      const done = await running.ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 4 });
      expect(sentencesOf(done)).toEqual([
        expect.stringMatching(/^stopped after .*--resume goes on/),
      ]);
      expect(readdirSync(out)).toEqual([".run-0001"]);
      await expectNobody(out);
      expectUndisturbed(await order(out, "--clients", clients, "--resume").ended, out);
    },
    MINUTES,
  );
});

describe("--resume", () => {
  test(
    "after the end does nothing, and ends with 0",
    async () => {
      const out = newOut();
      expectUndisturbed(await order(out).ended, out);
      const before = bytesAndTime(fileOf(out));
      const done = await order(out, "--resume").ended;
      expectUndisturbed(done, out);
      expect(bytesAndTime(fileOf(out))).toEqual(before);
    },
    MINUTES,
  );

  test(
    "after the end with another window is refused, as what is asked for isn't there",
    async () => {
      const out = newOut();
      expectUndisturbed(await order(out).ended, out);
      const done = await order(out, "--window", "5", "--resume").ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 2 });
      expectUndisturbed({ ...done, code: 0 }, out);
    },
    MINUTES,
  );

  test(
    "in the middle with other options is refused, and named; with the same ones it goes on",
    async () => {
      const out = newOut();
      const running = order(out);
      await traceOf(out).untilCommitted(running, 300);
      await crash(running);
      for (const words of [
        ["--window", "5"],
        ["--policy", "latest"],
        ["--segment-size", "90MB"],
      ]) {
        const done = await order(out, ...words, "--resume").ended;
        expect({ words, code: done.code, stderr: done.stderr }).toMatchObject({ words, code: 2 });
        expect(sentencesOf(done)).toHaveLength(1);
      }
      expectUndisturbed(await order(out, "--resume").ended, out);
    },
    MINUTES,
  );

  test(
    "in the middle with an input that was written to is refused",
    async () => {
      const out = newOut();
      const running = order(out);
      await traceOf(out).untilCommitted(running, 300);
      await crash(running);
      const path = join(input, "run-0001-00.evt");
      utimesSync(path, BEGUN, BEGUN + 1);
      try {
        const done = await order(out, "--resume").ended;
        expect(done.code).not.toBe(0);
        expect(sentencesOf(done)).toEqual([expect.stringContaining("changed")]);
      } finally {
        utimesSync(path, BEGUN, BEGUN);
      }
      expectUndisturbed(await order(out, "--resume").ended, out);
    },
    MINUTES,
  );
});

describe("a second evb order", () => {
  test.each([
    ["--resume", "1"],
    ["--resume", "2"],
    ["--force", "1"],
    ["--force", "2"],
  ])(
    "into the same folder is refused while the first is at work, also with %s (%s clients)",
    async (how, clients) => {
      const out = newOut();
      const running = order(out, "--clients", clients, "--batch", "5");
      await traceOf(out).untilCommitted(running, 50);
      const second = await order(out, how, "--batch", "5", "--trace", `${out}.second`).ended;
      expect({ code: second.code, isOn: running.isOn }).toEqual({ code: 2, isOn: true });
      expect(sentencesOf(second)).toHaveLength(1);
      expectUndisturbed(await running.ended, out);
    },
    MINUTES,
  );
});

describe("a client that is frozen", () => {
  test(
    "for 3 s comes back while the others are at work, and the bytes are the same",
    async () => {
      const out = newOut();
      // Smaller parts yet: the other one isn't done with them meanwhile.
      const running = order(out, "--clients", "2", "--batch", "5");
      const trace = traceOf(out);
      await trace.untilCommitted(running, 50, 1);
      const pid = trace.pidOf(1);
      process.kill(pid, "SIGSTOP");
      await pause(3000);
      if (processesIn(out).includes(pid)) process.kill(pid, "SIGCONT");
      expectUndisturbed(await running.ended, out);
      await expectNobody(out);
    },
    MINUTES,
  );

  test(
    "in the middle of a part, and woken when the file is finished, touches nothing",
    async () => {
      const out = newOut();
      const parts = ["--batch", "1000000", "--memory", "1MB", "--checksum", "none"];
      const running = order(out, "--clients", "2", ...parts);
      const trace = traceOf(out);
      await trace.untilCommitted(running, 5, 1);
      const pid = trace.pidOf(1);
      await frozenInPart(pid, running);
      await trace.until(running, "the report", () => existsSync(join(out, "report.json")));
      const { mtimeNs } = statSync(fileOf(out), { bigint: true });
      // One of this host is ended before the file gets its name: then nobody is there to be woken.
      if (processesIn(out).includes(pid)) process.kill(pid, "SIGCONT");
      const { code } = await running.ended;
      expect({ code, sha512: sha512Of(fileOf(out)) }).toEqual({ code: 0, sha512: undisturbed });
      expect(statSync(fileOf(out), { bigint: true }).mtimeNs - mtimeNs).toBe(0n);
    },
    MINUTES,
  );
});

/** Freezes it until that was while it had an output open. */
async function frozenInPart(pid: number, running: Running): Promise<void> {
  const open = `/proc/${String(pid)}/fd`;
  while (running.isOn) {
    process.kill(pid, "SIGSTOP");
    await pause(2);
    const paths = readdirSync(open).map((fd) => readlinkSync(join(open, fd)));
    if (paths.some((path) => path.endsWith(".partial"))) return;
    process.kill(pid, "SIGCONT");
    await pause(3);
  }
  throw new Error("it was never at work when it was frozen");
}

describeWith(["mounts"], "a full disk", () => {
  const FREE_BYTES = 60e6;
  const MOUNT_BYTES = INPUT_BYTES + FREE_BYTES + 1e6;
  let mounted = "";
  beforeAll(() => {
    mounted = join(folder, "disk");
    mkdirSync(mounted);
    const size = `size=${String(MOUNT_BYTES)}`;
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", size, "none", mounted]).status).toBe(0);
  });
  afterEach(() => {
    for (const name of readdirSync(mounted)) rmSync(join(mounted, name), { recursive: true });
  });
  afterAll(() => {
    spawnSync("umount", [mounted]);
  });

  test.each(["1", "2"])(
    "in the middle ends it with 1 and a sentence; after room was made --resume goes on (%s clients)",
    async (clients) => {
      const out = join(mounted, `out${clients}`);
      const words = ["--clients", clients, "--trace", join(folder, `out-disk${clients}.trace`)];
      const again = order(out, ...words);
      const trace = new Trace(join(folder, `out-disk${clients}.trace`));
      await trace.untilCommitted(again, 100);
      const filler = join(mounted, "filler");
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M"]);
      const done = await again.ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
      expect(sentencesOf(done).at(-1)).toMatch(/ENOSPC.*make room.*--resume goes on/);
      expect(readdirSync(out)).toEqual([".run-0001"]);
      rmSync(filler);
      expectUndisturbed(await order(out, ...words, "--resume").ended, out);
    },
    MINUTES,
  );

  test(
    "that has no room from the beginning is said at once, and nothing is left in the way",
    async () => {
      const out = join(mounted, "out");
      const filler = join(mounted, "filler");
      writeFileSync(filler, Buffer.alloc(FREE_BYTES + 50e6));
      const words = ["--trace", join(folder, "out-small.trace")];
      const done = await order(out, ...words).ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 1 });
      expect(sentencesOf(done)).toEqual([expect.stringMatching(/bytes free.*make room/)]);
      rmSync(filler);
      // The same command once more.
      expectUndisturbed(await order(out, ...words).ended, out);
    },
    MINUTES,
  );
});
