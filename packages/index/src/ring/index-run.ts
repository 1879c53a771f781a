import { disorderOf, FRAGMENT, type MatchRows } from "@evb/event";
import {
  FRAGMENT_HEADER_BYTES,
  isV10,
  loadHdf5,
  RING_ROWS,
  ROW,
  type RingRows,
} from "@evb/formats";
import { fault } from "../faults.ts";
import { rootOf } from "../inputs.ts";
import type { RingIndexOrder } from "../order.ts";
import type { IndexedSource, RunScan, ScannedFile, ScannedSource } from "../run-scan.ts";
import { fingerprintsOf } from "./ring-index.ts";
import type { RingRun } from "./ring-run.ts";
import { scanRingRun } from "./scan-ring-run.ts";
import { streamsByRun, streamsOf, type RingStream } from "./streams.ts";

/**
 * Scans the files of one run of ring items, as `evb order` does: its sources are those that have fragments.
 *
 * @param paths absolute, in natural order
 * @throws EvbError "index-two-runs", "segment-missing", "ring-no-fragments", "ring-two-versions", and those of
 * {@link scanRingRun}
 */
export async function scanRingInputs(
  paths: readonly string[],
  { scan, settings }: RingIndexOrder,
): Promise<RunScan> {
  // It takes a tenth of a second, and is needed at the end.
  void loadHdf5();
  const missing: string[] = [];
  const streams = streamsOf(paths, (reason) => {
    if (!scan.salvage) throw reason;
    missing.push(reason.message);
  });
  const ordered = streamsOfOneRun(streams, scan.runNumber);
  const inOrder = ordered.flatMap(({ files }) => files);
  // What changes while it is read must look changed afterwards.
  const fingerprints = fingerprintsOf(inOrder);
  const files = inOrder.map((path, k) => ({ path, fingerprint: fingerprints[k]! }));
  const run = await scanRingRun(ordered, scan);
  const fragments = new RunFragments(run, files, versionsOf(ordered));
  return {
    layout: "ring",
    root: rootOf(inOrder),
    sources: fragments.sources,
    labels: undefined,
    known: undefined,
    tick: undefined,
    defaultSelection: undefined,
    options: { run: String(run.number), ...optionsOf(settings) },
    warnings: [...missing, ...run.warnings],
    // Addresses count through all of them.
    filesOf: () => files,
    rowsOf: (sources) => fragments.rowsOf(sources),
  };
}

function streamsOfOneRun(
  streams: readonly RingStream[],
  given: number | undefined,
): readonly RingStream[] {
  const runs = streamsByRun(streams, given);
  if (runs.size > 1) throw fault("index-two-runs", { runs: [...runs.keys()] });
  return [...runs.values()][0]!;
}

/** As attributes of the index; what `run` says is the run's number. */
const optionsOf = (settings: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => name !== "run")
      .map(([name, value]) => [name.replace("-", "_"), value]),
  );

/** By file: whether it is of NSCLDAQ 10, which the first file of a stream tells. */
const versionsOf = (streams: readonly RingStream[]): boolean[] =>
  streams.flatMap(({ path, files }) => {
    const v10 = isV10(path);
    return files.map(() => v10);
  });

/** The fragments of a run, put together by source; run items are none. */
class RunFragments {
  readonly sources: readonly ScannedSource[];
  readonly #run: RingRun;
  readonly #files: readonly ScannedFile[];
  readonly #v10: readonly boolean[];
  /** By row of the run: its place below; of run items nothing. */
  readonly #placeOf: Uint32Array;
  /** By row of the run's sources: the first place of its fragments. */
  readonly #firsts: Float64Array;
  /** By (source, arrival). */
  readonly #stamp: BigUint64Array;
  readonly #address: Float64Array;
  readonly #stored: Uint32Array;

  constructor(run: RingRun, files: readonly ScannedFile[], v10: readonly boolean[]) {
    this.#run = run;
    this.#files = files;
    this.#v10 = v10;
    this.#placeOf = new Uint32Array(run.rows.count);
    this.#firsts = firstsOf(run.rows);
    const fragments = this.#firsts.at(-1)!;
    if (fragments === 0) throw fault("ring-no-fragments", { path: files[0]!.path });
    this.#stamp = new BigUint64Array(fragments);
    this.#address = new Float64Array(fragments);
    this.#stored = new Uint32Array(fragments);
    this.#place();
    this.sources = run.rows.sourceIds.flatMap((id, s) => this.#sourceOf(id, s));
  }

  /** The rows of the run in the order of `evb order`, run items that end events among them. */
  rowsOf(sources: readonly IndexedSource[]): MatchRows {
    const { rows, order } = this.#run;
    const { count, kind, stamp } = rows;
    const numbers = rows.sourceIds.map((id) =>
      sources.findIndex(({ name }) => name === String(id)),
    );
    const source = new Uint16Array(count);
    const fragment = this.#placeOf.slice();
    for (let row = 0; row < count; row++) {
      const s = rows.source[row]!;
      const number = numbers[s]!;
      if (number < 0) continue;
      source[row] = number;
      fragment[row]! += sources[number]!.fragmentFirst - this.#firsts[s]!;
    }
    const isIn = (row: number): boolean =>
      numbers[rows.source[row]!]! >= 0 || (kind[row]! & 3) !== FRAGMENT;
    const all = sources.length === this.sources.length;
    return { order: all ? order : order.filter(isIn), stamp, kind, source, fragment };
  }

  /** One pass over the rows: what an index keeps of each fragment. */
  #place(): void {
    const { count, stamp, offset, size, source, kind } = this.#run.rows;
    const next = this.#firsts.slice();
    const [placeOf, ofStamp] = [this.#placeOf, this.#stamp];
    const [address, stored] = [this.#address, this.#stored];
    for (let row = 0; row < count; row++) {
      const what = kind[row]!;
      if ((what & 3) !== FRAGMENT) continue;
      const place = next[source[row]!]!++;
      // Of a fragment in a built event the item behind its header.
      const header = (what & ROW.item) === 0 ? FRAGMENT_HEADER_BYTES : 0;
      placeOf[row] = place;
      ofStamp[place] = stamp[row]!;
      address[place] = offset[row]! + header;
      stored[place] = size[row]! - header;
    }
  }

  #sourceOf(id: number, s: number): ScannedSource[] {
    const [from, end] = [this.#firsts[s]!, this.#firsts[s + 1]!];
    if (from === end) return [];
    const times = this.#stamp.subarray(from, end);
    const address = this.#address.subarray(from, end);
    const stored = this.#stored.subarray(from, end);
    const number = this.#fileAt(address[0]!);
    const file = this.#files[number]!;
    const ring = { v10: this.#versionOf(id, address, number) };
    const layout = { ...RING_ROWS, bigEndian: this.#run.bigEndian, ring };
    return [
      {
        name: String(id),
        file,
        payloadFile: file,
        time: "",
        payload: "",
        type: "u1",
        storedType: "u1",
        itemShape: layout.itemShape,
        varies: false,
        times,
        disorder: disorderOf(times),
        storage: {
          kind: "direct",
          path: file.path,
          layout,
          places: { address, stored, mask: undefined },
        },
      },
    ];
  }

  #fileAt(address: number): number {
    return this.#run.files.findLastIndex(({ base }) => base <= address);
  }

  /** A source's items begin alike: an index says once where their bodies do. */
  #versionOf(source: number, address: Float64Array, first: number): boolean {
    const v10 = this.#v10[first]!;
    if (this.#v10.every((each) => each === v10)) return v10;
    for (const each of address) {
      const file = this.#fileAt(each);
      if (this.#v10[file] !== v10)
        throw fault("ring-two-versions", {
          source,
          one: this.#files[first]!.path,
          other: this.#files[file]!.path,
        });
    }
    return v10;
  }
}

/** By row of the sources: how many fragments come before its own; at the end of all. */
function firstsOf({ count, source, kind, sourceIds }: RingRows): Float64Array {
  const firsts = new Float64Array(sourceIds.length + 1);
  for (let row = 0; row < count; row++)
    if ((kind[row]! & 3) === FRAGMENT) firsts[source[row]! + 1]!++;
  for (let s = 1; s < firsts.length; s++) firsts[s]! += firsts[s - 1]!;
  return firsts;
}
