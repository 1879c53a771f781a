import { renameSync, rmSync, statSync } from "node:fs";
import { isEvbError, promote, sentenceOf, type Elements, type ElementType } from "@evb/event";
import type { ResultSchema, Totals } from "@evb/analysis";
import { Hdf5Writer, loadHdf5, type Hdf5Column } from "@evb/formats";
import type { RunEvents } from "@evb/index";
import { EventTable } from "../coordinator/event-table.ts";
import type { Range } from "../coordinator/range-set.ts";
import { fault } from "../faults.ts";
import { groupNames } from "../group-names.ts";
import { digestOf } from "./digest.ts";
import { JournalResults } from "./journal-results.ts";
import { eventAt, newSlab, placeResults, slabsOf, sumOf, type Slab } from "./slab.ts";
import { fillMissing, newElements, putSlot, widened } from "./slots.ts";

/** docs/results-format.md says what each data set holds; a change there counts this up. */
const RESULTS_FORMAT = "evb-results";
const RESULTS_VERSION = 1;

export interface ResultsParts {
  readonly journalPath: string;
  readonly path: string;
  readonly index: RunEvents;
  /** Undefined where no client ever came. */
  readonly schema: ResultSchema | undefined;
  readonly totals: Totals | undefined;
  /** The events that are done, in order. */
  readonly done: readonly Range[];
  readonly evbVersion: string;
}

/**
 * Makes results.h5 from the journal, slab by slab, under a temporary name.
 *
 * @returns the digest of what stands in it
 * @throws EvbError "out-unwritable", "journal-damaged", "total-overflow"
 */
export async function writeResults(parts: ResultsParts): Promise<string> {
  parts.totals?.checkRange();
  const hdf5 = await loadHdf5();
  const partial = `${parts.path}.partial`;
  const journal = new JournalResults(parts.journalPath, parts.schema);
  try {
    const writer = new Hdf5Writer(hdf5, partial);
    try {
      new ResultsFile(writer, parts).write(journal);
    } finally {
      writer.close();
    }
    const digest = digestOf(hdf5, partial);
    renameSync(partial, parts.path);
    return digest;
  } catch (thrown) {
    rmSync(partial, { force: true });
    if (isEvbError(thrown)) throw thrown;
    throw fault(
      "out-unwritable",
      { out: parts.path, reason: sentenceOf(thrown) },
      { cause: thrown },
    );
  } finally {
    journal.close();
  }
}

class ResultsFile {
  readonly #writer: Hdf5Writer;
  readonly #parts: ResultsParts;
  readonly #schema: ResultSchema;
  readonly #columns = new Map<string, Hdf5Column>();
  readonly #table: EventTable;
  readonly #events: number;
  readonly #fragments: number;
  readonly #groups: readonly string[];

  constructor(writer: Hdf5Writer, parts: ResultsParts) {
    this.#writer = writer;
    this.#parts = parts;
    this.#schema = parts.schema ?? { eventColumns: [], fragmentColumns: [], totals: [] };
    this.#groups = groupNames(
      parts.index.sources.map(({ name }) => name),
      TAKEN,
    );
    this.#events = sumOf(parts.done, ({ first, end }) => end - first);
    this.#table = new EventTable(parts.index);
    this.#fragments = sumOf(parts.done, (range) => this.#table.fragmentsOf(range));
  }

  write(journal: JournalResults): void {
    this.#writer.attribute("format", RESULTS_FORMAT);
    this.#writer.attribute("version", RESULTS_VERSION);
    this.#writer.attribute("evb", this.#parts.evbVersion);
    this.#writer.group("/events/columns");
    this.#declare();
    let row = 0;
    let fragmentRow = 0;
    for (const ranges of slabsOf(this.#parts.done)) {
      const { index } = this.#parts;
      const slab = newSlab(index, this.#schema, ranges, { row, fragmentRow });
      placeResults(slab, journal, this.#table);
      this.#checkPlaced(slab);
      this.#writeSlab(slab);
      row += slab.status.length;
      fragmentRow += slab.source.length;
    }
    this.#writer.writeStrings(
      "/sources",
      this.#parts.index.sources.map(({ name }) => name),
    );
    this.#parts.index.sources.forEach(({ name }, s) => {
      this.#writer.attributeOf(`/events/${this.#groups[s]!}`, "source", name);
    });
    this.#writeTotals();
  }

  /** Every column is there, with its whole length, before the first slab. */
  #declare(): void {
    const events = (path: string, type: ElementType): void => {
      this.#columns.set(path, this.#writer.column(path, type, this.#events));
    };
    const fragments = (path: string, type: ElementType): void => {
      this.#columns.set(path, this.#writer.column(path, type, this.#fragments));
    };
    events("/events/event", "u8");
    events("/events/time", "u8");
    events("/events/status", "u1");
    for (const { name, type } of this.#schema.eventColumns)
      events(`/events/columns/${name}`, type as ElementType);
    this.#parts.index.sources.forEach((source, s) => {
      events(`/events/${this.#groups[s]!}/row`, "i8");
      for (const { name, type } of this.#schema.fragmentColumns)
        events(`/events/${this.#groups[s]!}/${name}`, type === "data" ? source.type : type);
    });
    fragments("/fragments/event", "u8");
    fragments("/fragments/source", "u2");
    fragments("/fragments/row", "u8");
    for (const { name, type } of this.#schema.fragmentColumns)
      fragments(`/fragments/${name}`, this.#commonType(type));
  }

  /** The type that holds the values of all sources. */
  #commonType(type: ElementType | "data"): ElementType {
    if (type !== "data") return type;
    return this.#parts.index.sources.map((source) => source.type).reduce(promote);
  }

  /** What is done has its result in the journal, or something ate a part of it. @throws EvbError "journal-damaged" */
  #checkPlaced(slab: Slab): void {
    const missing = slab.placed.indexOf(0);
    if (missing < 0) return;
    throw fault("journal-damaged", {
      path: this.#parts.journalPath,
      offset: statSync(this.#parts.journalPath).size,
      reason: `it ends without the result of event ${String(eventAt(slab, missing))}`,
    });
  }

  #writeSlab(slab: Slab): void {
    const events = slab.status.length;
    // An index has fewer than 2^32 events, as each has a fragment.
    const numbers = new Uint32Array(events);
    let at = 0;
    for (const { range, index } of slab.parts) {
      this.#columns.get("/events/time")!.write(slab.row + at, index.time);
      for (let event = range.first; event < range.end; event++) numbers[at++] = event;
    }
    this.#columns.get("/events/event")!.write(slab.row, widened(numbers));
    this.#columns.get("/events/status")!.write(slab.row, slab.status);
    this.#schema.eventColumns.forEach(({ name, type }, c) => {
      const to = type as ElementType;
      const cells = newElements(to, events);
      for (let row = 0; row < events; row++)
        putSlot(slab.eventSlots[c]!, row, to, { cells, to, row });
      this.#columns.get(`/events/columns/${name}`)!.write(slab.row, cells);
    });
    const eventOf = this.#writeFragments(slab, numbers);
    this.#writeSources(slab, eventOf);
  }

  /** Returns for each fragment its event's row in the slab. */
  #writeFragments(slab: Slab, numbers: Uint32Array): Uint32Array {
    const fragments = slab.source.length;
    const eventOf = new Uint32Array(fragments);
    const event = new Uint32Array(fragments);
    for (let k = 0; k < slab.status.length; k++)
      for (let fragment = slab.start[k]!; fragment < slab.start[k + 1]!; fragment++) {
        eventOf[fragment] = k;
        event[fragment] = numbers[k]!;
      }
    const { sources } = this.#parts.index;
    this.#columns.get("/fragments/event")!.write(slab.fragmentRow, widened(event));
    this.#columns.get("/fragments/source")!.write(slab.fragmentRow, slab.source);
    this.#columns.get("/fragments/row")!.write(slab.fragmentRow, widened(slab.fragmentRows));
    this.#schema.fragmentColumns.forEach(({ name, type }, c) => {
      const to = this.#commonType(type);
      const cells = newElements(to, fragments);
      for (let row = 0; row < fragments; row++) {
        const from = type === "data" ? sources[slab.source[row]!]!.type : type;
        putSlot(slab.fragmentSlots[c]!, row, from, { cells, to, row });
      }
      this.#columns.get(`/fragments/${name}`)!.write(slab.fragmentRow, cells);
    });
    return eventOf;
  }

  /** Source by source, so that a thousand of them take no more memory than one. */
  #writeSources(slab: Slab, eventOf: Uint32Array): void {
    const events = slab.status.length;
    const own = fragmentsBySource(slab.source, this.#groups.length);
    this.#parts.index.sources.forEach((source, s) => {
      const rows = new BigInt64Array(events).fill(-1n);
      const firsts = own(s).filter((fragment) => {
        const event = eventOf[fragment]!;
        if (rows[event]! >= 0n) return false;
        rows[event] = BigInt(slab.fragmentRows[fragment]!);
        return true;
      });
      this.#columns.get(`/events/${this.#groups[s]!}/row`)!.write(slab.row, rows);
      this.#schema.fragmentColumns.forEach(({ name, type }, c) => {
        const to = type === "data" ? source.type : type;
        const cells: Elements = newElements(to, events);
        fillMissing(to, cells);
        for (const fragment of firsts)
          putSlot(slab.fragmentSlots[c]!, fragment, to, { cells, to, row: eventOf[fragment]! });
        this.#columns.get(`/events/${this.#groups[s]!}/${name}`)!.write(slab.row, cells);
      });
    });
  }

  #writeTotals(): void {
    const { totals } = this.#parts;
    totals?.schema.forEach(({ name, type }, row) => {
      const cells =
        type === "f8"
          ? totals.floats(row)
          : new BigUint64Array([BigInt.asUintN(64, totals.integer(row))]);
      this.#writer.writeColumn(`/totals/${name}`, type, cells);
    });
  }
}

/** Names that /events has already. */
const TAKEN = ["event", "time", "status", "columns"];

/** Rows of the fragments of each source, by one counting sort. */
function fragmentsBySource(source: Uint16Array, sources: number): (s: number) => Uint32Array {
  const starts = new Uint32Array(sources + 1);
  for (const s of source) starts[s + 1]!++;
  for (let s = 0; s < sources; s++) starts[s + 1]! += starts[s]!;
  const rows = new Uint32Array(source.length);
  const next = starts.slice();
  source.forEach((s, fragment) => {
    rows[next[s]!++] = fragment;
  });
  return (s) => rows.subarray(starts[s], starts[s + 1]);
}
