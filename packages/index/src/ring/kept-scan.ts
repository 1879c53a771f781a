import { existsSync } from "node:fs";
import { isEvbError } from "@evb/event";
import { fault } from "../faults.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { checkRingIndex, fingerprintsOf, readRingIndex, withPaths } from "./ring-index.ts";
import type { RingRun, RingScanOrder } from "./ring-run.ts";
import { scanRingRun } from "./scan-ring-run.ts";
import type { RingStream } from "./streams.ts";
import { writeRingIndex } from "./write-ring-index.ts";

/** Where a scan is kept, and what it depends on. */
export interface KeptScanOrder {
  readonly path: string;
  readonly options: Readonly<Record<string, string>>;
  /** An index that doesn't hold any more is replaced; else it is an error. */
  readonly force: boolean;
  readonly evbVersion: string;
}

/** A scan that is in a file, or will be. */
export class KeptScan {
  readonly #order: KeptScanOrder;
  readonly #streams: readonly RingStream[];
  readonly #kept: RingRun | undefined;

  private constructor(
    order: KeptScanOrder,
    streams: readonly RingStream[],
    kept: RingRun | undefined,
  ) {
    this.#order = order;
    this.#streams = streams;
    this.#kept = kept;
  }

  /**
   * Looks at the file, if there is one: before anything else is made or removed.
   *
   * @param runs streams by run: there must be one run
   * @throws EvbError "ring-index-runs", "ring-index-foreign", "ring-index-version", "ring-index-damaged", "ring-index-stale", "data-missing"
   */
  static async find(
    order: KeptScanOrder,
    runs: ReadonlyMap<number, readonly RingStream[]>,
  ): Promise<KeptScan> {
    const [streams, more] = runs.values();
    if (streams === undefined || more !== undefined)
      throw fault("ring-index-runs", { path: order.path, runs: [...runs.keys()] });
    return new KeptScan(order, streams, await keptRun(order, pathsOf(streams)));
  }

  /** Whether it is there already, and holds. */
  get isThere(): boolean {
    return this.#kept !== undefined;
  }

  /** As the file says; or of the data, and written to the file. */
  async run(scan: RingScanOrder): Promise<RingRun> {
    if (this.#kept !== undefined) return this.#kept;
    const { path, options, evbVersion } = this.#order;
    // What changes while it is read must look changed afterwards.
    const fingerprints: readonly Fingerprint[] = fingerprintsOf(pathsOf(this.#streams));
    const run = await scanRingRun(this.#streams, scan);
    await writeRingIndex(path, run, { options, evbVersion, fingerprints });
    return run;
  }
}

const pathsOf = (streams: readonly RingStream[]): string[] => streams.flatMap(({ files }) => files);

async function keptRun(
  { path, options, force }: KeptScanOrder,
  paths: readonly string[],
): Promise<RingRun | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const index = await readRingIndex(path);
    checkRingIndex(index, paths, options);
    return withPaths(index.run, paths);
  } catch (thrown) {
    const replaceable = isEvbError(
      thrown,
      "ring-index-stale",
      "ring-index-version",
      "ring-index-damaged",
    );
    if (force && replaceable) return undefined;
    throw thrown;
  }
}
