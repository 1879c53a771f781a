import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generateRun, type MockRun, type Truth } from "@evb/generate";
import {
  analysisOrder,
  Client,
  runCoordinator,
  type ClientOutcome,
  type CoordinatorLink,
  type RunOrder,
  type RunResult,
} from "@evb/runner";
import { index } from "./run-files.ts";
import { FaultyNetwork, NO_FAULTS, type FaultyClient, type Faults } from "./run-network.ts";

/** A run on disk, indexed, whose truth is known. */
export interface SmallRun {
  readonly folder: string;
  readonly indexPath: string;
  readonly truth: Truth;
}

export async function smallRun(folder: string, change: Partial<MockRun> = {}): Promise<SmallRun> {
  const directory = join(folder, "run");
  const truth = await generateRun(
    {
      directory,
      layout: "seed",
      files: 3,
      size: { kind: "events", events: 300 },
      eventBytes: 40,
      labels: ["red", "green", "blue"],
      dropShare: 0.5,
      eventsPerChunk: 50,
      seed: 1,
      lateShare: 0,
      duplicateShare: 0,
      disorderShare: 0,
      ...change,
    },
    {},
  );
  const indexPath = join(folder, "run.index.h5");
  await index([directory], indexPath);
  return { folder, indexPath, truth };
}

export interface InMemory {
  readonly run: SmallRun;
  readonly out: string;
  readonly clients: number;
  readonly faults?: Faults;
  readonly order?: Partial<RunOrder>;
  /** Looks at the network, or breaks it, before the run begins. */
  readonly prepare?: (network: FaultyNetwork, clients: readonly FaultyClient[]) => void;
  readonly signal?: AbortSignal;
  readonly coordinator?: (link: CoordinatorLink) => CoordinatorLink;
}

export interface EndedInMemory extends RunResult {
  readonly network: FaultyNetwork;
  readonly notices: readonly string[];
  /** What each client did, or why it failed. */
  readonly ended: readonly (ClientOutcome | Error)[];
}

export function runOrder(run: SmallRun, out: string, change: Partial<RunOrder> = {}): RunOrder {
  return {
    indexPath: run.indexPath,
    out: join(run.folder, out),
    force: false,
    resume: false,
    places: [],
    analysis: analysisOrder("stats", {}),
    sources: undefined,
    events: undefined,
    batchCap: 1000,
    clientsAwaited: () => 1,
    clientsReturn: true,
    clientTimeoutMs: 5000,
    eventTimeoutMs: undefined,
    strict: false,
    tracePath: undefined,
    evbVersion: "0.0.0-test",
    ...change,
  };
}

export const clientOrder = {
  run: "",
  places: [],
  waitMs: 10_000,
  coordinatorTimeoutMs: 200,
  evbVersion: "0.0.0-test",
  endpoint: "the test",
} as const;

/** Coordinator and clients in this process. */
export async function runInMemory(given: InMemory): Promise<EndedInMemory> {
  const { run, out, clients, faults = NO_FAULTS, order, prepare, signal } = given;
  const network = new FaultyNetwork(faults);
  const ends = Array.from({ length: clients }, () => network.client());
  prepare?.(network, ends);
  const notices: string[] = [];
  let working: Promise<(ClientOutcome | Error)[]> = Promise.resolve([]);
  const result = await runCoordinator(
    runOrder(run, out, { clientsAwaited: () => clients, ...order }),
    { kind: "memory", link: network.coordinator },
    {
      progress: () => undefined,
      notice: (sentence) => notices.push(sentence),
      listening: ({ run }) => {
        working = Promise.all(
          ends.map((end) =>
            new Client(end, { ...clientOrder, run })
              .run(new AbortController().signal)
              .catch((thrown: unknown) => thrown as Error),
          ),
        );
      },
    },
    signal ?? new AbortController().signal,
  );
  return { ...result, network, notices, ended: await working };
}

export const reportIn = (out: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Record<string, unknown>;
