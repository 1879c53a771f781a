import { mkdtempSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RunIndex } from "@evb/index";
import {
  analysisOrder,
  Client,
  Coordinator,
  JournalWriter,
  readHeader,
  type RecordKind,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { FaultyNetwork, NO_FAULTS } from "../support/run-network.ts";
import {
  clientOrder,
  reportIn,
  runInMemory,
  runOrder,
  smallRun,
  type SmallRun,
} from "../support/run-small.ts";

let folder: string;
let run: SmallRun;
let undisturbed: string | undefined;
/** Of analysis `wait`, however long it waits. */
let waited: string | undefined;
let outs = 0;
const newOut = (): string => `out${String(++outs)}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-run-"));
  run = await smallRun(folder);
  const { report } = await runInMemory({ run, out: newOut(), clients: 1 });
  undisturbed = report.digest;
  const order = { analysis: analysisOrder("wait", { ms: "0" }) };
  waited = (await runInMemory({ run, out: newOut(), clients: 1, order })).report.digest;
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What truth.json says of all events. */
const trueTotals = (): object => ({
  count: String(run.truth.all.events),
  first: run.truth.all.first,
});

describe("a run", () => {
  test("finds every event, and totals what the generator wrote", async () => {
    const { report, exitCode, problem } = await runInMemory({ run, out: newOut(), clients: 2 });
    expect({ exitCode, problem }).toEqual({ exitCode: 0, problem: undefined });
    expect(report).toMatchObject({
      events: run.truth.all.events,
      fragments: run.truth.all.fragments,
      bytes: run.truth.all.fragments * 40,
      lost: 0,
      redone: 0,
      failed: 0,
      totals: trueTotals(),
    });
  });

  test.each([
    [1, 1],
    [1, 7],
    [2, 1],
    [2, 1000],
    [5, 1],
    [5, 7],
    [5, 1000],
  ])("gives the same digest with %i clients and batches of %i", async (clients, batchCap) => {
    const { report } = await runInMemory({ run, out: newOut(), clients, order: { batchCap } });
    expect(report.digest).toBe(undisturbed);
    expect(report.batches).toBeGreaterThanOrEqual(Math.ceil(run.truth.all.events / batchCap));
    expect(report.clients.reduce((sum, { events }) => sum + events, 0)).toBe(run.truth.all.events);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    "gives it over a network that loses, repeats and delays: seed %i",
    async (seed) => {
      const faults = { seed, lose: 0.15, repeat: 0.15, delayMs: 4 };
      const { report, network, exitCode } = await runInMemory({
        run,
        out: newOut(),
        clients: 3,
        faults,
        order: { batchCap: 5 },
      });
      expect({ exitCode, digest: report.digest, totals: report.totals }).toEqual({
        exitCode: 0,
        digest: undisturbed,
        totals: trueTotals(),
      });
      expect(network.lost).toBeGreaterThan(0);
      expect(network.repeated).toBeGreaterThan(0);
    },
    20_000,
  );

  test("asks for a gap again, and what the client kept comes", async () => {
    const kinds: string[] = [];
    const { report, network } = await runInMemory({
      run,
      out: newOut(),
      clients: 1,
      order: { batchCap: 10 },
      prepare: (faulty, [client]) => {
        // The third message of its client is lost once.
        const publish = client!.publish.bind(client);
        client!.publish = (frames) => {
          if (client!.published === 3) {
            client!.published++;
            return;
          }
          publish(frames);
        };
        faulty.onLane = (frame) => kinds.push(readHeader(frame).kind);
      },
    });
    expect(network.resends).toBeGreaterThan(0);
    expect(report.digest).toBe(undisturbed);
    expect(report.totals).toEqual(trueTotals());
    expect(kinds).toContain("lease");
  });

  test.each([1, 4, 9])("redoes what a client had that dies at its message %i", async (message) => {
    const { report, notices, ended } = await runInMemory({
      run,
      out: newOut(),
      clients: 3,
      order: { batchCap: 4, analysis: analysisOrder("wait", { ms: "1" }) },
      prepare: (_, clients) => {
        const victim = clients[1]!;
        victim.onPublish = () => {
          // Its hello isn't counted, nor that it has settled.
          if (victim.published === message + 2) victim.cut();
        };
      },
    });
    expect(report.digest).toBe(waited);
    expect(report.totals).toEqual(trueTotals());
    expect(report.redone).toBeGreaterThan(0);
    expect(
      notices.some((notice) =>
        /^client \d on .* is gone; its events are leased again$/.test(notice),
      ),
    ).toBe(true);
    expect(ended[1]).toMatchObject({ tag: "coordinator-lost", exitCode: 1 });
  });

  test("takes back a client that was taken for lost, with what it had done", async () => {
    const { report, network } = await runInMemory({
      run,
      out: newOut(),
      clients: 2,
      order: { batchCap: 4, analysis: analysisOrder("wait", { ms: "10" }) },
      prepare: (faulty, clients) => {
        const frozen = clients[1]!;
        frozen.onPublish = () => {
          if (frozen.published === 20) faulty.breakLane(frozen);
        };
      },
    });
    expect(report.digest).toBe(waited);
    expect(report.totals).toEqual(trueTotals());
    expect(report.redone).toBeGreaterThan(0);
    // The one that came back has the rank that it had.
    expect(report.clients.map(({ rank, events }) => [rank, events > 0])).toEqual([
      [1, true],
      [2, true],
    ]);
    expect(report.faults).toMatchObject({ clientsLost: 1, rejoinsSameSession: 1 });
    expect(network.lost).toBe(0);
  }, 20_000);

  test("takes one event, a part, and one source only", async () => {
    const part = await runInMemory({ run, out: newOut(), clients: 1, order: { events: "10:40" } });
    expect(part.report).toMatchObject({ events: 30, totals: { count: "30" } });
    const last = await runInMemory({ run, out: newOut(), clients: 1, order: { events: "299:" } });
    expect(last.report).toMatchObject({ events: 1 });
    const one = await runInMemory({ run, out: newOut(), clients: 1, order: { sources: "file1" } });
    expect(one.report).toMatchObject({ events: 300, fragments: 300 });
  });

  test.each(["5:5", "7:3", "0:301", "x", "1:2:3", "-1:5", ""])(
    "refuses --events %s",
    async (events) => {
      const out = newOut();
      const fault = await faultOf(() => runInMemory({ run, out, clients: 1, order: { events } }));
      expect(fault).toMatchObject({ tag: "events-range", exitCode: 2 });
      expect(existsSync(join(folder, out))).toBe(false);
    },
  );

  test("that is stopped says so, and keeps its journal", async () => {
    const stop = new AbortController();
    const out = newOut();
    const { report, exitCode, problem } = await runInMemory({
      run,
      out,
      clients: 1,
      order: { batchCap: 1, analysis: analysisOrder("wait", { ms: "2" }) },
      signal: stop.signal,
      prepare: (network) => {
        let results = 0;
        network.onResult = () => {
          if (++results === 10) stop.abort(new Error("interrupted"));
        };
      },
    });
    expect(exitCode).toBe(4);
    expect(problem).toMatch(
      /^stopped after \d+ of 300 events; the same command with --resume goes on from .*out\d+$/,
    );
    expect(report.digest).toBeUndefined();
    expect(existsSync(join(folder, out, "journal"))).toBe(true);
    expect(existsSync(join(folder, out, "results.h5"))).toBe(false);
    expect(reportIn(join(folder, out))["ended"]).toBe(problem);
  });

  test("without a client ends after the time-out", async () => {
    const result = await runInMemory({
      run,
      out: newOut(),
      clients: 0,
      order: { clientsAwaited: () => 1, clientTimeoutMs: 150 },
    });
    expect(result.exitCode).toBe(1);
    expect(result.problem).toMatch(
      /^no client for 0.15 s, after 0 of 300 events; the same command with --resume goes on$/,
    );
  });

  test("begins with the clients that are left when one of them never comes", async () => {
    let awaited = 2;
    setTimeout(() => {
      awaited = 1;
    }, 100);
    const { report } = await runInMemory({
      run,
      out: newOut(),
      clients: 1,
      order: { clientsAwaited: () => awaited },
    });
    expect(report.digest).toBe(undisturbed);
  });
});

describe("the journal", () => {
  /** Says how many of each client's messages a write has brought out of the process. */
  class WatchedJournal extends JournalWriter {
    readonly #waiting = new Map<number, number>();
    readonly written = new Map<number, number>();

    override append(kind: RecordKind, rank: number, ...parts: readonly Uint8Array[]): void {
      super.append(kind, rank, ...parts);
      // A client says once that it has settled, which is in no record; its own record comes before.
      if (kind === "results" || kind === "epoch" || kind === "client")
        this.#waiting.set(rank, (this.#waiting.get(rank) ?? 0) + 1);
    }

    override flush(): void {
      super.flush();
      for (const [rank, count] of this.#waiting)
        this.written.set(rank, (this.written.get(rank) ?? 0) + count);
      this.#waiting.clear();
    }
  }

  async function runWith(journal: JournalWriter, network: FaultyNetwork, clients: number) {
    const index = await RunIndex.open(run.indexPath);
    const coordinator = new Coordinator({
      index,
      order: {
        ...runOrder(run, "unused", { batchCap: 3, clientsAwaited: () => clients }),
        run: clientOrder.run,
        range: { first: 0, end: 300 },
      },
      link: network.coordinator,
      journal,
      watcher: { progress: () => undefined, notice: () => undefined },
    });
    const signal = new AbortController().signal;
    const working = Array.from({ length: clients }, () =>
      new Client(network.client(), clientOrder).run(signal).catch(() => undefined),
    );
    const outcome = await coordinator.run(signal);
    await Promise.all(working);
    index.close();
    return outcome;
  }

  test("has every message before it is acknowledged", async () => {
    const journal = new WatchedJournal(join(folder, "journal-1"));
    const network = new FaultyNetwork({ ...NO_FAULTS, seed: 3, lose: 0.1 });
    let acknowledged = 0;
    const early: object[] = [];
    /** What a client gives back is in no record either; it is said once for each time that it was asked. */
    const asked = new Map<number, number>();
    network.onLane = (frame) => {
      const { sid, ack, kind } = readHeader(frame);
      acknowledged = Math.max(acknowledged, ack);
      if (ack > (journal.written.get(sid) ?? 0) + (asked.get(sid) ?? 0))
        early.push({ sid, ack, written: journal.written.get(sid) });
      if (kind === "revoke") asked.set(sid, (asked.get(sid) ?? 0) + 1);
    };
    const { ended } = await runWith(journal, network, 2);
    journal.close();
    expect({ ended, early }).toEqual({ ended: undefined, early: [] });
    expect(acknowledged).toBeGreaterThan(5);
  });

  test("that can't be written ends the run, and what it lacks is not acknowledged", async () => {
    class FullDisk extends WatchedJournal {
      override flush(): void {
        if ((this.written.get(1) ?? 0) >= 4) throw new Error("no space left on device");
        super.flush();
      }
    }
    const journal = new FullDisk(join(folder, "journal-2"));
    const network = new FaultyNetwork(NO_FAULTS);
    const early: number[] = [];
    network.onLane = (frame) => {
      const { ack } = readHeader(frame);
      if (ack > (journal.written.get(1) ?? 0)) early.push(ack);
    };
    const { ended, done, stopped } = await runWith(journal, network, 1);
    expect(ended?.message).toContain("no space left on device");
    expect({ stopped, early }).toEqual({ stopped: false, early: [] });
    expect(done).toBeLessThan(300);
  });
});
