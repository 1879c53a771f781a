import { closeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ResultSchema } from "@evb/analysis";
import { checkFile, fileState, placeOf, type DataPlace } from "@evb/index";
import { fault } from "../faults.ts";
import type { Lease } from "../wire/lease-message.ts";
import type { Welcome } from "../wire/join.ts";
import { decodePart, type Part } from "../wire/part-message.ts";
import type { Bench } from "./bench.ts";
import { Delta } from "./delta.ts";
import { InputPages, pageMemory } from "./input-pages.ts";
import { BACKWARD_STEPS, EVENTS, FRAGMENTS, rebuildSchema } from "../wire/rebuild-schema.ts";
import { openToWrite, syncFile, writeAll } from "../output-file.ts";
import { ResultBuilder } from "./result-builder.ts";
import { UnitWriter, type WrittenPart } from "./unit-writer.ts";

const MEMORY_BYTES_MIN = 2 ** 19;
/**
 * What is put together is written in pieces of so many bytes at most: they stay in the second-level
 * cache. The rest of the memory is for pages of the input.
 */
const UNIT_BYTES_MAX = 2 ** 19;

/** Where a client of a rebuild writes parts of the new files. */
export class RebuildBench implements Bench {
  readonly schema: ResultSchema;
  readonly leaseSources = { count: 0, chunksPerRow: undefined };
  beforeResult: () => void = () => undefined;
  readonly results: ResultBuilder;
  readonly #outputs: readonly string[];
  readonly #buildings: number;
  readonly #inputs: readonly { readonly path: string; readonly state: string }[];
  readonly #syncs: boolean;
  readonly #memory: Uint8Array;
  readonly #pages: InputPages;
  readonly #writer: UnitWriter;
  /** Outputs that were written to since the last results. */
  readonly #unsynced = new Set<string>();
  readonly #delta: Delta;
  #bytes = 0;
  #writeSeconds = 0;

  /**
   * @param out where the run's folder lies on this host: nothing else is written to
   * @throws EvbError "client-writes-nothing", "index-stale", "data-missing"
   */
  constructor(welcome: Welcome, places: readonly DataPlace[], out: string | undefined) {
    const { rebuild, root, indexPath } = welcome;
    if (rebuild === undefined || out === undefined) throw fault("client-writes-nothing", {});
    this.#buildings = rebuild.buildings;
    this.schema = rebuildSchema(rebuild.buildings);
    this.results = new ResultBuilder(this.schema, []);
    this.#delta = new Delta(this.schema.totals);
    this.#outputs = rebuild.outputs.map((path) => join(out, path));
    // Another host sees what is written only when the disk has it.
    this.#syncs = rebuild.host !== hostname();
    let base = 0;
    const files = welcome.files.map((file) => {
      const path = placeOf(file.path, root, places);
      checkFile(indexPath, path, { ...file, mtimeNs: 0n });
      const input = { path, base, sizeBytes: file.sizeBytes, state: fileState(path) };
      base += file.sizeBytes;
      return input;
    });
    this.#inputs = files;
    const memoryBytes = Math.max(MEMORY_BYTES_MIN, rebuild.memoryBytes);
    const begin = Math.min(UNIT_BYTES_MAX, Math.floor(memoryBytes / 2 / 8) * 8);
    this.#memory = new Uint8Array(begin + pageMemory(memoryBytes - begin));
    this.#pages = new InputPages(files, this.#memory, begin);
    this.#writer = new UnitWriter(this.#memory, begin, this.#pages);
  }

  /** @throws EvbError "output-failed", "data-changed": no other part can be right then */
  run(lease: Lease, event: number): void {
    const bytes = lease.parts?.[event];
    if (bytes === undefined)
      throw fault("frame-bad", { what: "lease", reason: "it says nothing of what to write" });
    const part = decodePart(bytes);
    const number = lease.first + event;
    const begun = performance.now();
    const written = this.#write(part);
    this.#writeSeconds += (performance.now() - begun) / 1000;
    this.#bytes += part.bytes;
    this.beforeResult();
    const { totals } = this.#delta;
    totals.add(FRAGMENTS, written.fragments, part.building);
    totals.add(EVENTS, written.events, part.building);
    totals.add(BACKWARD_STEPS, written.backwardSteps, part.building);
    this.results.add({ lease: lease.id, event: number }, NO_SOURCES, undefined);
    this.#delta.count(number);
  }

  /** Parts are written from pages that are read as they are needed. */
  ahead(): boolean {
    return false;
  }

  forgetAhead(): void {
    // Nothing is begun ahead.
  }

  settle(): void {
    if (!this.#syncs) return;
    for (const path of this.#unsynced) syncFile(path);
    this.#unsynced.clear();
  }

  checkUnchanged(): void {
    for (const { path, state } of this.#inputs)
      if (fileState(path) !== state) throw fault("data-changed", { host: hostname(), path });
  }

  takeEpoch(): ReturnType<Delta["take"]> {
    return this.#delta.take();
  }

  get uncountedRanges(): number {
    return this.#delta.rangeCount;
  }

  get times(): Bench["times"] {
    return {
      bytes: this.#bytes,
      bytesRead: this.#pages.bytesRead,
      openSeconds: 0,
      readSeconds: 0,
      decodeSeconds: 0,
      analysisSeconds: this.#writeSeconds,
    };
  }

  close(): void {
    this.#pages.close();
  }

  /**
   * A file is open while a part is written to it, and no longer: a client that was frozen doesn't find
   * one that was finished meanwhile, as that has another name.
   */
  #write(part: Part): WrittenPart {
    const path = this.#outputs[part.output];
    if (path === undefined || part.building >= this.#buildings)
      throw fault("frame-bad", { what: "part", reason: "its output is none" });
    this.#unsynced.add(path);
    const fd = openToWrite(path);
    try {
      return this.#writer.write(part, (size, position) => {
        writeAll(fd, this.#memory.subarray(0, size), position, path);
      });
    } finally {
      closeSync(fd);
    }
  }
}

const NO_SOURCES = new Uint16Array(0);
