import {
  optionsOf,
  schemaOf,
  StagedTotals,
  type Analysis,
  type ResultSchema,
  type SourceInfo,
  type Work,
} from "@evb/analysis";
import { isEvbError } from "@evb/event";
import type { Lease, LeaseSources } from "../wire/lease-message.ts";
import { fault } from "../faults.ts";
import { loadAnalysis, withPlace } from "./analysis-module.ts";
import type { BenchOrder } from "./bench-messages.ts";
import type { Bench } from "./bench.ts";
import { Delta } from "./delta.ts";
import { ResultBuilder } from "./result-builder.ts";
import { isRingRun, RingSources, type EventReader } from "./ring-sources.ts";
import { sourceInfos, Sources } from "./sources.ts";

/** What makes every event wrong that is still to come. */
const ENDS_THE_RUN = [
  "index-stale",
  "data-missing",
  "hdf5-cannot-open",
  "hdf5-no-such-data-set",
] as const;

/** Where events are read and analysed. */
export class Workbench implements Bench {
  readonly schema: ResultSchema;
  readonly #sources: EventReader;
  readonly results: ResultBuilder;
  beforeResult: () => void = () => undefined;
  readonly #work: Work;
  readonly #staged: StagedTotals;
  readonly #analysisPath: string;
  readonly #delta: Delta;
  #readSeconds = 0;
  #analysisSeconds = 0;

  private constructor(
    work: Work,
    schema: ResultSchema,
    { sources, infos }: { readonly sources: EventReader; readonly infos: readonly SourceInfo[] },
    analysisPath: string,
  ) {
    this.#work = work;
    this.schema = schema;
    this.#sources = sources;
    this.#analysisPath = analysisPath;
    this.results = new ResultBuilder(
      schema,
      infos.map((info) => info.type),
    );
    this.#staged = new StagedTotals(schema.totals);
    this.#delta = new Delta(schema.totals);
  }

  /** @throws EvbError what is wrong with the analysis or its options */
  static async open(order: BenchOrder): Promise<Workbench> {
    const { welcome, places, reading } = order;
    const { name, settings } = welcome.analysis;
    const analysis = await loadAnalysis(welcome.analysis);
    const options = optionsOf(name, analysis, settings);
    const infos = sourceInfos(welcome);
    const work = await setUp(name, analysis, { options, sources: infos, rank: welcome.rank });
    const schema = schemaOf(name, work);
    const reads = work.reads !== false;
    const how = { infos, reads, reading };
    const sources = isRingRun(welcome)
      ? new RingSources(welcome, places, how)
      : await Sources.open(welcome, places, how);
    return new Workbench(work, schema, { sources, infos }, name);
  }

  get leaseSources(): LeaseSources {
    return this.#sources.leaseSources;
  }

  get times(): Bench["times"] {
    const { bytes, openSeconds, decodeSeconds } = this.#sources.counts;
    const { bytesRead } = this.#sources;
    const readSeconds = this.#readSeconds;
    const analysisSeconds = this.#analysisSeconds;
    return { bytes, bytesRead, openSeconds, readSeconds, decodeSeconds, analysisSeconds };
  }

  /**
   * What goes wrong with an event's data or in its analysis fails the event.
   *
   * @throws EvbError where a file is not there or not the one that was indexed: no event can be right then
   */
  run(lease: Lease, event: number, fragment: number): void | Promise<void> {
    const begun = performance.now();
    if (!this.#sources.readsAhead) {
      this.#run(lease, event, fragment, begun);
      return;
    }
    return this.#sources.arrival(lease, fragment).then(() => {
      this.#run(lease, event, fragment, begun);
    });
  }

  ahead(lease: Lease, event: number, fragment: number): boolean {
    return this.#sources.begin(lease, fragment, fragment + lease.fragmentCount[event]!);
  }

  forgetAhead(): void {
    this.#sources.forgetAhead();
  }

  #run(lease: Lease, event: number, fragment: number, begun: number): void {
    const end = fragment + lease.fragmentCount[event]!;
    const sources = lease.source.subarray(fragment, end);
    const place = { lease: lease.id, event: lease.first + event };
    const before = this.#sources.counts;
    // The clock is looked at three times an event: more often would show where fragments are small.
    let read = begun;
    let failed: { readonly thrown: unknown } | undefined;
    let result: ReturnType<Work["event"]>;
    try {
      const fragments =
        this.#work.reads === false
          ? this.#sources.withoutData(sources, lease.row.subarray(fragment, end))
          : this.#sources.read(lease, fragment, end);
      read = performance.now();
      try {
        result = this.#work.event(
          { id: place.event, time: lease.time[event]!, fragments },
          this.#staged,
        );
      } finally {
        this.#analysisSeconds += (performance.now() - read) / 1000;
      }
    } catch (thrown) {
      if (isEvbError(thrown, ...ENDS_THE_RUN)) throw thrown;
      failed = { thrown };
    }
    this.beforeResult();
    try {
      if (failed !== undefined) throw failed.thrown;
      this.results.add(place, sources, result);
      this.#staged.commit(this.#delta.totals);
    } catch (thrown) {
      this.#staged.forget();
      this.results.fail(place, sources, this.#reasonOf(thrown));
    }
    // Where reading failed that was all there was.
    if (read === begun) read = performance.now();
    const { bytes, openSeconds, decodeSeconds } = this.#sources.counts;
    const decoding = decodeSeconds - before.decodeSeconds;
    const seconds = (read - begun) / 1000 - (openSeconds - before.openSeconds) - decoding;
    this.#readSeconds += seconds;
    this.#sources.took(lease, fragment, { seconds, bytes: bytes - before.bytes });
    this.#delta.count(place.event);
  }

  settle(): void {
    // Results are in their messages.
  }

  checkUnchanged(): void {
    this.#sources.checkUnchanged();
  }

  takeEpoch(): ReturnType<Delta["take"]> {
    return this.#delta.take();
  }

  get uncountedRanges(): number {
    return this.#delta.rangeCount;
  }

  close(): Promise<void> {
    return this.#sources.close();
  }

  #reasonOf(thrown: unknown): string {
    return withPlace(thrown, this.#analysisPath);
  }
}

/** @throws EvbError "setup-failed" */
async function setUp(
  path: string,
  analysis: Analysis,
  setup: Parameters<Analysis["setup"]>[0],
): Promise<Work> {
  try {
    return await analysis.setup(setup);
  } catch (thrown) {
    throw fault("setup-failed", { path, reason: withPlace(thrown, path) }, { cause: thrown });
  }
}
