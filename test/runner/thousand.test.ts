import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RunIndex } from "@evb/index";
import { Coordinator, JournalWriter, MemoryNetwork } from "@evb/runner";
import { Puppet, settle } from "../support/run-puppet.ts";
import { runOrder, smallRun, type SmallRun } from "../support/run-small.ts";

const CLIENTS = 1000;
/** Leases begin with two. */
const EVENTS = 4000;
const MINUTE = 60_000;
let folder: string;
let run: SmallRun;
let index: RunIndex;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-thousand-"));
  const size = { kind: "events", events: EVENTS } as const;
  run = await smallRun(folder, { files: 1, size, eventBytes: 4, labels: ["red"] });
  index = await RunIndex.open(run.indexPath);
});
afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true, force: true });
});

/** They do what they are leased until nothing comes any more; which events each did. */
async function workedOff(puppets: readonly Puppet[], ended: Promise<unknown>): Promise<number[][]> {
  const end = new AbortController();
  void ended.then(() => {
    end.abort();
  });
  const done: number[][] = puppets.map(() => []);
  while (!end.signal.aborted) {
    await Promise.all(
      puppets.map(async (puppet, client) => done[client]!.push(...(await puppet.work()))),
    );
    await settle();
  }
  return done;
}

describe("a thousand clients of one coordinator", () => {
  test(
    "all work, and every event is done once",
    async () => {
      const network = new MemoryNetwork();
      const journal = new JournalWriter(join(folder, "journal"));
      const coordinator = new Coordinator({
        index,
        order: {
          ...runOrder(run, "unused"),
          run: "",
          range: { first: 0, end: EVENTS },
          clientsAwaited: () => CLIENTS,
        },
        link: network.coordinator,
        journal,
        watcher: { progress: () => undefined, notice: () => undefined },
        // No time goes by: nobody is late, however long this takes.
        now: () => 1000,
      });
      const ended = coordinator.run(new AbortController().signal);
      const puppets = await Promise.all(
        Array.from({ length: CLIENTS }, (_, number) => Puppet.ready(network, index, { number })),
      );
      const done = await workedOff(puppets, ended);
      const outcome = await ended;
      journal.close();
      // Of an event that two did only one copy counts: the sum has 1 of each.
      expect(outcome).toMatchObject({ done: EVENTS, counted: EVENTS, redone: 0, failed: 0 });
      expect(outcome.totals!.integer(0)).toBe(BigInt(EVENTS));
      expect(new Set(done.flat()).size).toBe(EVENTS);
      expect(new Set(outcome.clients.map(({ rank }) => rank)).size).toBe(CLIENTS);
      expect(done.filter((events) => events.length === 0)).toEqual([]);
    },
    MINUTE,
  );
});
