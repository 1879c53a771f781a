import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { streamsOf } from "@evb/index";
import {
  Client,
  MemoryNetwork,
  orderRuns,
  startThread,
  type ClientLink,
  type OrderClients,
  type OrderJob,
  type OrderOutcome,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { plainlyRebuilt, randomRun, type RandomRun } from "./rebuild-runs.ts";

const BUILDING = {
  windowTicks: 20n,
  match: "window",
  policy: "earliest",
  fragmentsMax: Infinity,
  sourceId: 0,
  ticksWithoutWindow: 0n,
} as const;

/** A run of some thousand events in the folder: it isn't over before somebody can look at it. */
function makeRun(folder: string): RandomRun {
  const run = randomRun(new SeededRandom(11), 4000);
  mkdirSync(join(folder, "in"));
  for (const [name, items] of run.files)
    writeFileSync(join(folder, "in", name), Buffer.concat(items));
  return run;
}

function jobIn(folder: string, change: Partial<OrderJob> = {}): OrderJob {
  const names = readdirSync(join(folder, "in")).sort();
  const paths = names.map((name) => join(folder, "in", name));
  return {
    streams: streamsOf(paths, (reason) => {
      throw reason;
    }),
    out: join(folder, "out"),
    isStageArea: false,
    isSplit: false,
    index: undefined,
    force: false,
    resume: false,
    scan: { depth: Infinity, salvage: false, stampAt: undefined, rules: [], runNumber: undefined },
    buildings: [BUILDING],
    checksum: false,
    limits: { bytes: 1, events: 1, segmentBytes: Infinity },
    memoryBytes: 2 ** 20,
    places: [],
    clientsAwaited: () => 1,
    clientsReturn: false,
    clientTimeoutMs: 60_000,
    batchCap: 1,
    tracePath: undefined,
    evbVersion: "test",
    settings: { window: "20" },
    ...change,
  };
}

/**
 * One client in this process, and what is to be looked at whenever more is done. It may be stopped when it
 * has said so much: before the coordinator has handed out all, however fast the machine is.
 */
function oneClient(look: () => void, messagesMax = Infinity): OrderClients {
  const stopped = new AbortController();
  const failed = new AbortController();
  const over = new AbortController();
  const memory = new MemoryNetwork();
  let folder = "";
  let working: Promise<unknown> | undefined;
  const stop = (): void => {
    stopped.abort();
  };
  const stoppedLink = (): ClientLink => {
    const link = memory.client();
    let messages = 0;
    return {
      listen: (events) => {
        link.listen(events);
      },
      join: (request) => {
        link.join(request);
      },
      connectLane: (port) => {
        link.connectLane(port);
      },
      publish: (frames) => {
        link.publish(frames);
        if (++messages === messagesMax) stop();
      },
      close: (lingerMs) => {
        link.close(lingerMs);
      },
    };
  };
  const start = (run: string): void => {
    const client = new Client(stoppedLink(), {
      run,
      places: [],
      out: folder,
      thread: startThread("rebuild"),
      waitMs: Infinity,
      coordinatorTimeoutMs: Infinity,
      evbVersion: "test",
      endpoint: "this process",
    });
    working = client.run(over.signal).catch((thrown: unknown) => {
      failed.abort(thrown);
    });
  };
  return {
    count: 1,
    network: () => ({ kind: "memory", link: memory.coordinator }),
    watcher: {
      notice: () => undefined,
      progress: look,
      listening: ({ run }) => {
        start(run);
      },
    },
    signal: () => AbortSignal.any([stopped.signal, failed.signal]),
    prepare: (work) => {
      folder = work;
    },
    end: async () => {
      over.abort();
      await working;
    },
  };
}

/** Until it has greeted, and said a few times what it has done. */
const stoppedSoon = (): OrderClients => oneClient(() => undefined, 4);

const toTheEnd = (): OrderClients => oneClient(() => undefined);

const outIn = (folder: string): string[] => readdirSync(join(folder, "out")).sort();

function expectWhole(folder: string, run: RandomRun, { exitCode, problem }: OrderOutcome): void {
  expect({ exitCode, problem }).toEqual({ exitCode: 0, problem: undefined });
  expect(outIn(folder)).toEqual(["report.json", "run-0001-00.evt"]);
  const bytes = readFileSync(join(folder, "out", "run-0001-00.evt"));
  expect(bytes.equals(Buffer.concat(plainlyRebuilt(run, BUILDING)))).toBe(true);
}

describe("a run of ring items", () => {
  test("has no file of its name before all of it is written", () =>
    inFolder(async (folder) => {
      const run = makeRun(folder);
      const seen = new Set<string>();
      const watched = oneClient(() => {
        for (const name of outIn(folder)) seen.add(name);
      });
      expectWhole(folder, run, await orderRuns(jobIn(folder), watched));
      expect([...seen]).toEqual([".run-0001"]);
    }));

  test("that is stopped has no file of its name either, and is resumed to the same bytes", () =>
    inFolder(async (folder) => {
      const run = makeRun(folder);
      const stopped = await orderRuns(jobIn(folder), stoppedSoon());
      expect(stopped).toMatchObject({ exitCode: 4, report: { runs: [] } });
      expect(outIn(folder)).toEqual([".run-0001"]);
      const again = await orderRuns(jobIn(folder, { resume: true }), toTheEnd());
      expectWhole(folder, run, again);
    }));

  test("that is stopped while its inputs are read leaves what was there, also with force", () =>
    inFolder(async (folder) => {
      const run = makeRun(folder);
      const { scan } = jobIn(folder);
      const stopped = { scan: { ...scan, signal: AbortSignal.abort() } };
      const nothing = await faultOf(() => orderRuns(jobIn(folder, stopped), toTheEnd()));
      expect(nothing).toMatchObject({ tag: "ring-scan-stopped", exitCode: 4 });
      expect(existsSync(join(folder, "out"))).toBe(false);
      expectWhole(folder, run, await orderRuns(jobIn(folder), toTheEnd()));
      const again = jobIn(folder, { ...stopped, force: true });
      expect(await faultOf(() => orderRuns(again, toTheEnd()))).toMatchObject({ exitCode: 4 });
      expect(outIn(folder)).toEqual(["report.json", "run-0001-00.evt"]);
    }));

  test("isn't resumed by another version of evb", () =>
    inFolder(async (folder) => {
      makeRun(folder);
      expect(await orderRuns(jobIn(folder), stoppedSoon())).toMatchObject({ exitCode: 4 });
      const other = jobIn(folder, { resume: true, evbVersion: "another" });
      const { tag, exitCode } = await faultOf(() => orderRuns(other, toTheEnd()));
      expect({ tag, exitCode }).toEqual({ tag: "resume-differs", exitCode: 2 });
    }));

  test("isn't resumed with other settings", () =>
    inFolder(async (folder) => {
      const run = makeRun(folder);
      expect(await orderRuns(jobIn(folder), stoppedSoon())).toMatchObject({ exitCode: 4 });
      const other = jobIn(folder, { resume: true, settings: { window: "20", policy: "latest" } });
      const { tag, exitCode } = await faultOf(() => orderRuns(other, toTheEnd()));
      expect({ tag, exitCode }).toEqual({ tag: "resume-differs", exitCode: 2 });
      const again = await orderRuns(jobIn(folder, { resume: true }), toTheEnd());
      expectWhole(folder, run, again);
    }));

  test("whose report is gone isn't written over", () =>
    inFolder(async (folder) => {
      const run = makeRun(folder);
      expectWhole(folder, run, await orderRuns(jobIn(folder), toTheEnd()));
      rmSync(join(folder, "out", "report.json"));
      await expect(orderRuns(jobIn(folder, { resume: true }), toTheEnd())).rejects.toMatchObject({
        tag: "output-foreign",
        exitCode: 2,
      });
    }));
});
