import { asLeaseId, type LeaseId, type Rank } from "@evb/event";
import { Totals, type ResultSchema } from "@evb/analysis";
import { fault } from "../faults.ts";
import type { JournalWriter } from "../sink/journal.ts";
import { decodeEpoch, type Epoch } from "../wire/epoch-message.ts";
import type { Header } from "../wire/header.ts";
import { failedEvent } from "../wire/failed-event.ts";
import { decodeFailures, decodeSchema, encodeSchema, type Failure } from "../wire/join.ts";
import { decodeResults, type ClientTimes } from "../wire/result-message.ts";
import { decodeRevoked } from "../wire/revoked-message.ts";
import type { EventTable } from "./event-table.ts";
import type { Peer } from "./peer.ts";
import { RangeSet, type Range } from "./range-set.ts";

/** A message of results, checked. */
interface TakenResults {
  readonly ranges: readonly (Range & { readonly lease: LeaseId })[];
  readonly times: ClientTimes;
  readonly failures: readonly Failure[];
}

/** What comes in from clients: decoded, checked against the run, put into the journal. */
export class Intake {
  readonly #range: Range;
  readonly #table: EventTable;
  readonly #journal: JournalWriter;
  #agreed: { schema: ResultSchema; bytes: Uint8Array; totals: Totals } | undefined;

  /** @param before of a run that goes on: what its clients return, and their totals so far */
  constructor(
    parts: { range: Range; table: EventTable; journal: JournalWriter },
    before: { schema: ResultSchema; totals: Totals } | undefined,
  ) {
    this.#range = parts.range;
    this.#table = parts.table;
    this.#journal = parts.journal;
    if (before !== undefined) this.#agreed = { ...before, bytes: encodeSchema(before.schema) };
  }

  /** Undefined until the first client has said what it returns. */
  get schema(): ResultSchema | undefined {
    return this.#agreed?.schema;
  }

  get totals(): Totals | undefined {
    return this.#agreed?.totals;
  }

  /** The first client's schema is the run's. @throws EvbError "schema-differs", "frame-bad" */
  agree(peer: Peer, encoded: Uint8Array): void {
    const schema = decodeSchema(encoded);
    const bytes = encodeSchema(schema);
    if (this.#agreed === undefined) {
      this.#agreed = { schema, bytes, totals: new Totals(schema.totals) };
      this.#journal.append("schema", 0, bytes);
    } else if (Buffer.compare(bytes, this.#agreed.bytes) !== 0) {
      const { host } = peer.join;
      throw fault("schema-differs", { rank: peer.rank, host });
    }
  }

  /** @throws EvbError "frame-bad"; nothing of the message is then journalled */
  results(
    rank: Rank,
    header: Header,
    frames: readonly [Uint8Array, Uint8Array | undefined],
  ): TakenResults {
    const [frame, second] = frames;
    const { eventColumns, fragmentColumns } = this.#agreed!.schema;
    const columns = { event: eventColumns.length, fragment: fragmentColumns.length };
    const results = decodeResults(header, frame, columns);
    const ranges = results.ranges.map(({ lease, first, events, fragments }) => {
      const range = { lease: asLeaseId(lease), first, end: first + events };
      this.#check("result", range, fragments);
      return range;
    });
    const failures = second === undefined ? [] : decodeFailures(second);
    if (failures.length > 0) checkFailures(failures, ranges);
    this.#journal.append("results", rank, ...resultParts(frame, second));
    return { ranges, times: results.times, failures };
  }

  /** Events that a client gives back. @throws EvbError "frame-bad" */
  revoked(header: Header, frame: Uint8Array): TakenResults["ranges"] {
    return decodeRevoked(header, frame).map(({ lease, first, events }) => {
      const range = { lease: asLeaseId(lease), first, end: first + events };
      this.#check("revoked", range);
      return range;
    });
  }

  /** Whether it counts is the schedule's to say; then {@link count} it. @throws EvbError "frame-bad" */
  epoch(header: Header, frame: Uint8Array): { epoch: Epoch; ranges: Range[] } {
    const epoch = decodeEpoch(header, frame, this.#agreed!.schema.totals);
    const ranges = epoch.ranges.map(({ first, events }) => ({ first, end: first + events }));
    for (const range of ranges) this.#check("epoch", range);
    return { epoch, ranges };
  }

  count(rank: Rank, epoch: Epoch, frame: Uint8Array): void {
    this.#agreed!.totals.merge(epoch.totals);
    this.#journal.append("epoch", rank, frame);
  }

  /** Events that no client survives: failed, and nothing of them totalled. */
  setAside(ranges: readonly Range[], reason: string): Failure[] {
    const { schema } = this.#agreed!;
    const failures: Failure[] = [];
    for (const { first, end } of ranges)
      for (let event = first; event < end; event++) {
        const { fragmentCount, source } = this.#table.slice({ first: event, end: event + 1 });
        const types = this.#table.typesOf(source);
        const failed = failedEvent(schema, { event, fragments: fragmentCount[0]!, types, reason });
        this.#journal.append("results", 0, ...resultParts(failed.results, failed.failures));
        this.#journal.append("epoch", 0, failed.epoch);
        failures.push({ event, reason });
      }
    return failures;
  }

  #check(what: string, range: Range, fragments?: number): void {
    const { first, end } = this.#range;
    const bad = (reason: string): Error => fault("frame-bad", { what, reason });
    if (range.first < first || range.end > end || range.first >= range.end)
      throw bad("its events are not in this run");
    if (fragments !== undefined && fragments !== this.#table.fragmentsOf(range))
      throw bad("its events have another number of fragments");
  }
}

function checkFailures(failures: readonly Failure[], ranges: readonly Range[]): void {
  const known = new RangeSet(ranges);
  for (const { event } of failures)
    if (!known.touches({ first: event, end: event + 1 }))
      throw fault("frame-bad", { what: "result", reason: "a failure is of none of its events" });
}

/** A result as the journal keeps it: length of the frame u32, 0 u32, the frame, the failures. */
function resultParts(frame: Uint8Array, failures: Uint8Array | undefined): Uint8Array[] {
  const head = new Uint8Array(new Uint32Array([frame.byteLength, 0]).buffer);
  return failures === undefined ? [head, frame] : [head, frame, failures];
}
