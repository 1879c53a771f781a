import { closeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { elementBytes } from "@evb/event";
import { missingElement, rowBytesOf } from "@evb/formats";
import type { DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import { ABSENT, decodeExtractPart, type ExtractPart } from "../wire/extract-message.ts";
import { extractSchema, ROWS } from "../wire/extract-schema.ts";
import type { ExtractWelcome, Welcome } from "../wire/join.ts";
import type { Lease } from "../wire/lease-message.ts";
import type { Bench } from "./bench.ts";
import { ChunkPacker } from "./chunk-packer.ts";
import { Delta } from "./delta.ts";
import { ExtractRows } from "./extract-rows.ts";
import { openToWrite, syncFile, writeAll } from "../output-file.ts";
import { PartFile } from "./part-file.ts";
import { ResultBuilder } from "./result-builder.ts";
import { RowPlacer } from "./row-placer.ts";

/** Where a client writes the rows of an extract's events. */
export class ExtractBench implements Bench {
  readonly schema = extractSchema;
  readonly leaseSources = { count: 0, chunksPerRow: undefined };
  beforeResult: () => void = () => undefined;
  readonly results = new ResultBuilder(extractSchema, []);
  readonly #welcome: Welcome;
  readonly #order: ExtractWelcome;
  readonly #rows: ExtractRows;
  readonly #placer: RowPlacer;
  readonly #packer: ChunkPacker;
  readonly #output: string;
  readonly #partFile: PartFile;
  readonly #syncs: boolean;
  readonly #delta = new Delta(extractSchema.totals);
  /** Whether the output was written to since the last results. */
  #isUnsynced = false;
  #seconds = 0;

  private constructor(
    welcome: Welcome,
    parts: { readonly order: ExtractWelcome; readonly rows: ExtractRows; readonly out: string },
  ) {
    const { rebuild, session, sid } = welcome;
    const { order, rows, out } = parts;
    this.#welcome = welcome;
    this.#order = order;
    this.#rows = rows;
    this.#placer = new RowPlacer(rebuild!.memoryBytes);
    this.#packer = new ChunkPacker(order);
    const output = rebuild!.outputs[0]!;
    this.#output = join(out, output);
    this.#partFile = new PartFile(out, { session, sid, run: runOf(output) });
    // Another host sees what is written only when the disk has it.
    this.#syncs = rebuild!.host !== hostname();
  }

  /**
   * @param out where the run's folder lies on this host: nothing else is written to
   * @throws EvbError "client-writes-nothing"
   */
  static async open(
    welcome: Welcome,
    places: readonly DataPlace[],
    out: string | undefined,
  ): Promise<ExtractBench> {
    const order = welcome.rebuild?.extract;
    if (order === undefined || out === undefined) throw fault("client-writes-nothing", {});
    const rows = await ExtractRows.open(welcome, places);
    return new ExtractBench(welcome, { order, rows, out });
  }

  /** @throws EvbError "output-failed", or why an input can't be opened: no other part can be right then */
  run(lease: Lease, event: number): void | Promise<void> {
    const bytes = lease.parts?.[event];
    if (bytes === undefined)
      throw fault("frame-bad", { what: "lease", reason: "it says nothing of what to write" });
    const part = decodeExtractPart(bytes);
    if (part.source >= this.#welcome.sources.length)
      throw fault("frame-bad", { what: "part", reason: "its source is none" });
    const place = { lease: lease.id, event: lease.first + event };
    const ready = this.#rows.ready(part.source);
    if (ready === undefined) {
      this.#run(place, part);
      return;
    }
    return ready.then(() => {
      this.#run(place, part);
    });
  }

  /** Rows are read as they are needed. */
  ahead(): boolean {
    return false;
  }

  forgetAhead(): void {
    // Nothing is begun ahead.
  }

  settle(): void {
    if (!this.#syncs) return;
    if (this.#isUnsynced) syncFile(this.#output);
    this.#isUnsynced = false;
    this.#partFile.sync();
  }

  checkUnchanged(): void {
    this.#rows.checkUnchanged();
  }

  takeEpoch(): ReturnType<Delta["take"]> {
    return this.#delta.take();
  }

  get uncountedRanges(): number {
    return this.#delta.rangeCount;
  }

  get times(): Bench["times"] {
    const { decodeSeconds, ...counts } = this.#rows.counts;
    const analysisSeconds = this.#seconds - decodeSeconds - counts.openSeconds;
    return { ...counts, decodeSeconds, readSeconds: 0, analysisSeconds };
  }

  close(): void {
    this.#rows.close();
    this.#partFile.close();
  }

  #run(place: { readonly lease: number; readonly event: number }, part: ExtractPart): void {
    const begun = performance.now();
    this.#rows.begin(part);
    const record = this.#write(part);
    const [failure] = this.#rows.failures;
    this.beforeResult();
    if (failure !== undefined && this.#order.strict)
      this.results.fail(place, NO_SOURCES, failure.reason);
    else {
      const { session, sid } = this.#welcome;
      this.results.add(place, NO_SOURCES, { columns: { session, sid, ...record } });
    }
    const there = part.row.reduce((count, row) => count + Number(row !== ABSENT), 0);
    this.#delta.totals.add(ROWS, there, 0);
    this.#delta.count(place.event);
    this.#seconds += (performance.now() - begun) / 1000;
  }

  #write(part: ExtractPart): { offset: number; bytes: number } {
    const { type, itemShape } = this.#welcome.sources[part.source]!;
    const source = {
      rowBytes: rowBytesOf({ itemShape, elementBytes: elementBytes(type) }),
      elementBytes: elementBytes(type),
      fill: missingElement(type),
    };
    if (source.rowBytes === 0) return NO_RECORD;
    const isPacked = this.#order.gzip > 0;
    const chunks = isPacked ? this.#packer.pack(part, this.#rows, source) : [];
    if (!isPacked) this.#place(part, source);
    const { failures } = this.#rows;
    if (chunks.length === 0 && failures.length === 0) return NO_RECORD;
    return this.#partFile.append(chunks, failures);
  }

  /**
   * The output is open while a part is written to it, and no longer: a client that was frozen doesn't find one that was
   * finished meanwhile, as that has another name.
   */
  #place(part: ExtractPart, source: Parameters<RowPlacer["write"]>[2]): void {
    const fd = openToWrite(this.#output);
    this.#isUnsynced = true;
    try {
      this.#placer.write(part, this.#rows, source, (bytes, position) => {
        writeAll(fd, bytes, position, this.#output);
      });
    } finally {
      closeSync(fd);
    }
  }
}

/** The run that an output's temporary name says. */
const runOf = (partial: string): string => partial.split(".")[1]!;

const NO_SOURCES = new Uint16Array(0);
const NO_RECORD = { offset: 0, bytes: 0 };
