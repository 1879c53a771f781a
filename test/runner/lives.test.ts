import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { RunIndex, type DataPlace } from "@evb/index";
import {
  analysisOrder,
  Client,
  MemoryNetwork,
  readJournalState,
  runCoordinator,
  type RunOrder,
  type RunResult,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { pause } from "../support/run-links.ts";
import { Puppet, settle } from "../support/run-puppet.ts";
import { clientOrder, runOrder, smallRun, type SmallRun } from "../support/run-small.ts";

let folder: string;
let run: SmallRun;
let index: RunIndex;
let outs = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-lives-"));
  run = await smallRun(folder);
  index = await RunIndex.open(run.indexPath);
});
afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const life of lives.splice(0)) await life.stop();
});

const newOut = (): string => join(folder, `out${String(++outs)}`);
const from = (first: number, end: number): number[] =>
  Array.from({ length: end - first }, (_, k) => first + k);

/** One life of a coordinator, of events 10 … 19, whose clients do as they are told. */
interface Life {
  readonly out: string;
  /** A client that has come and said hello; those of one number are one process. */
  ready(number: number): Promise<Puppet>;
  readonly ended: Promise<RunResult>;
  stop(): Promise<void>;
}

const lives: Life[] = [];

async function begin(out: string, change: Partial<RunOrder> = {}): Promise<Life> {
  const network = new MemoryNetwork();
  const abort = new AbortController();
  const puppets: Puppet[] = [];
  let ended: Promise<RunResult> | undefined;
  const listening = new Promise<string>((resolve, reject) => {
    ended = runCoordinator(
      runOrder(run, "", { out, events: "10:20", clientsReturn: false, ...change }),
      { kind: "memory", link: network.coordinator },
      {
        progress: () => undefined,
        notice: () => undefined,
        listening: ({ run }) => {
          resolve(run);
        },
      },
      abort.signal,
    );
    ended.catch(reject);
  });
  const id = await listening;
  const life = {
    out,
    ready: async (number: number) => {
      const puppet = await Puppet.ready(network, index, { number, run: id });
      puppets.push(puppet);
      return puppet;
    },
    ended: ended!,
    stop: async () => {
      for (const puppet of puppets) await puppet.close();
      abort.abort(new Error("the test is over"));
      await ended;
    },
  };
  lives.push(life);
  return life;
}

/** What kill -9 leaves behind at this moment; the life itself goes on. */
function copyOf({ out }: Life): string {
  const copy = newOut();
  cpSync(out, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

const resumed = (out: string): Promise<Life> => begin(out, { resume: true });

describe("a coordinator that goes on", () => {
  test("counts what was counted before, once, and takes back what its clients have lost", async () => {
    const before = await begin(newOut());
    const one = await before.ready(1);
    await one.results(10, 4);
    await one.epoch(10, 2, 5);
    expect(one.acknowledged).toBe(2);
    const life = await resumed(copyOf(before));
    const again = await life.ready(1);
    expect(again.welcome).toMatchObject({ rank: 1 });
    // The acknowledgement was lost; and of 12 and 13 the totals were.
    await again.epoch(10, 2, 5);
    await again.say("settled");
    expect(await again.work()).toEqual(from(12, 20));
    const { report, exitCode, problem } = await life.ended;
    expect({ exitCode, problem }).toEqual({ exitCode: 0, problem: undefined });
    expect(report).toMatchObject({ events: 10, totals: { sum: String(5 + 8) } });
    expect(report.faults).toMatchObject({ epochsRefused: 1, rejoinsNewSession: 1, lateCopies: 2 });
  });

  test("takes totals of what was done before from who did it", async () => {
    const before = await begin(newOut());
    const one = await before.ready(1);
    await one.results(10, 4);
    expect(one.acknowledged).toBe(1);
    const life = await resumed(copyOf(before));
    const again = await life.ready(1);
    await again.epoch(10, 4, 4);
    expect(await again.work()).toEqual(from(14, 20));
    const { report } = await life.ended;
    expect(report).toMatchObject({
      totals: { sum: "10" },
      faults: { epochsRefused: 0 },
    });
  });

  test("gives out what was handed out before, and nobody brings", async () => {
    const before = await begin(newOut());
    const one = await before.ready(1);
    expect(one.ranges.at(-1)).toEqual({ first: 12, end: 14 });
    const life = await resumed(copyOf(before));
    const two = await life.ready(2);
    expect(two.welcome).toMatchObject({ rank: 2 });
    expect(await two.work()).toEqual(from(10, 20));
    expect((await life.ended).report).toMatchObject({ events: 10, totals: { sum: "10" } });
  });

  test("cuts off what is torn, so that the next one finds what it wrote", async () => {
    const before = await begin(newOut());
    const one = await before.ready(1);
    await one.results(10, 1);
    await one.epoch(10, 1, 1);
    const torn = copyOf(before);
    appendFileSync(join(torn, "journal"), "half a record");
    const second = await resumed(torn);
    const two = await second.ready(2);
    await two.results(14, 1);
    await two.epoch(14, 1, 1);
    expect(two.acknowledged).toBe(2);
    const third = await resumed(copyOf(second));
    const three = await third.ready(3);
    expect(await three.work()).toEqual([11, 12, 13, 15, 16, 17, 18, 19]);
    const { report, exitCode } = await third.ended;
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ events: 10, totals: { sum: "10" }, faults: { journalCuts: 1 } });
  });

  test("remembers which events clients died with", async () => {
    const before = await begin(newOut());
    await (await before.ready(1)).close();
    const two = await before.ready(2);
    expect(two.ranges[0]).toEqual({ first: 10, end: 11 });
    await two.close();
    await before.ready(3);
    const life = await resumed(copyOf(before));
    const four = await life.ready(4);
    expect(four.ranges).toEqual([{ first: 10, end: 11 }]);
    await four.close();
    const five = await life.ready(5);
    expect(await five.work()).toEqual(from(11, 20));
    const { report } = await life.ended;
    expect(report).toMatchObject({ events: 10, failed: 1, faults: { setAside: 1 } });
    expect(report.failures[0]).toMatchObject({ event: 10 });
  });

  test("keeps its keys from others, and takes none that others could read", async () => {
    const before = await begin(newOut());
    await before.ready(1);
    const out = copyOf(before);
    const secret = join(out, "coordinator.json");
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    for (const mode of [0o640, 0o604]) {
      chmodSync(secret, mode);
      expect((await faultOf(() => resumed(out))).tag).toBe("connection-unsafe");
    }
  });

  test("doesn't go on with other data, and says so before any client comes", async () => {
    const before = await begin(newOut());
    await (await before.ready(1)).results(10, 1);
    const out = copyOf(before);
    await before.stop();
    const path = join(folder, "run", "file2.h5");
    const { atime, mtime } = statSync(path);
    utimesSync(path, atime, new Date(mtime.getTime() + 1000));
    const fault = await faultOf(() => resumed(out));
    utimesSync(path, atime, mtime);
    expect(fault).toMatchObject({ tag: "data-changed", exitCode: 1 });
    expect(fault.message).toContain(path);
  });
});

describe("a coordinator that was replaced while it stood still", () => {
  test("writes nothing any more, and ends", async () => {
    const life = await begin(newOut());
    const one = await life.ready(1);
    await one.results(10, 1);
    const [secret, journal] = ["coordinator.json", "journal"].map((name) => join(life.out, name));
    const file = JSON.parse(readFileSync(secret!, "utf8")) as { life: number };
    writeFileSync(secret!, JSON.stringify({ ...file, life: file.life + 1 }));
    // It asks twice a second whose journal it is.
    await pause(600);
    const { size } = statSync(journal!);
    await one.results(11, 1);
    await one.epoch(10, 2, 2);
    const { exitCode, problem } = await life.ended;
    expect({ exitCode, problem }).toMatchObject({ exitCode: 1 });
    expect(problem).toMatch(/gone on with the run/);
    expect(statSync(journal!).size).toBe(size);
    expect(readJournalState(journal!).done.ranges).toEqual([{ first: 10, end: 11 }]);
    expect(existsSync(join(life.out, "report.json"))).toBe(false);
    expect(existsSync(secret!)).toBe(true);
  });
});

describe("a data file that changes while a run is on", () => {
  let copies = 0;

  /** A client that reads a copy of the data; after some events a file changes, here or there. */
  async function changedIn(which: "copy" | "run"): Promise<RunResult & { path: string }> {
    const copy = join(folder, `copy${String(++copies)}`);
    cpSync(join(folder, "run"), copy, { recursive: true, preserveTimestamps: true });
    const places: DataPlace[] = [{ kind: "root", folder: copy }];
    const path = join(which === "copy" ? copy : join(folder, "run"), "file2.h5");
    const { atime, mtime } = statSync(path);
    const network = new MemoryNetwork();
    const signal = new AbortController().signal;
    let working: Promise<unknown> | undefined;
    // Longer than a second: a client looks when it sends totals.
    const order = { analysis: analysisOrder("wait", { ms: "10" }), events: "0:150" };
    const result = await runCoordinator(
      runOrder(run, "", { ...order, out: newOut() }),
      { kind: "memory", link: network.coordinator },
      {
        progress: ({ done }) => {
          if (done >= 20) utimesSync(path, atime, new Date(mtime.getTime() + 1000));
        },
        notice: () => undefined,
        listening: ({ run }) => {
          const client = new Client(network.client(), { ...clientOrder, run, places });
          working = client.run(signal).catch(() => undefined);
        },
      },
      signal,
    );
    utimesSync(path, atime, mtime);
    await working;
    await settle();
    return { ...result, path };
  }

  test.each(["copy", "run"] as const)(
    "is noticed by whoever sees it, and ends the run: %s",
    async (which) => {
      const { exitCode, problem, report, path } = await changedIn(which);
      expect({ exitCode, problem }).toMatchObject({ exitCode: 1 });
      expect(problem).toContain(`${path} changed while the run was on`);
      expect(report.digest).toBeUndefined();
    },
  );
});
