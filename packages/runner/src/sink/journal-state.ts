import { Totals, type ResultSchema } from "@evb/analysis";
import { asRank, type Rank } from "@evb/event";
import { lengthOf, RangeSet, type Range } from "../coordinator/range-set.ts";
import type { SuspectRanges } from "../coordinator/suspects.ts";
import { fault } from "../faults.ts";
import { decodeEpoch } from "../wire/epoch-message.ts";
import { readHeader } from "../wire/header.ts";
import { decodeSchema, type AnalysisOrder, type Failure } from "../wire/join.ts";
import { NO_TIMES, type ClientTimes } from "../wire/result-message.ts";
import { decodeValue, encodeValue, Fields } from "../wire/values.ts";
import { columnsOf, decodedRecord, decodeResultsRecord } from "./journal-results.ts";
import { JournalReader, type JournalRecord } from "./journal.ts";

/** Which run a journal is of: its first record. */
export interface JournalStart {
  readonly evb: string;
  readonly host: string;
  /** Path of the index, as given, and a fingerprint of that file. */
  readonly index: string;
  readonly indexEnds: string;
  /** Of the index. */
  readonly events: number;
  /** Those of the run. */
  readonly range: Range;
  readonly analysis: AnalysisOrder;
  /** Which sources the run takes, as typed; undefined: all. */
  readonly sources: string | undefined;
  /** Names the run: a UUID. */
  readonly run: string;
}

/** A client process, as its record says: the record's rank is its number. */
export interface JournalClient {
  readonly nonce: string;
  readonly host: string;
  readonly pid: number;
}

/** Sums over all lives; the last record counts. */
export interface JournalProgress {
  /** Every event below this number has been handed out at least once. */
  readonly handedOut: number;
  readonly batches: number;
  readonly redone: number;
  readonly seconds: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** One client's part of what the journal holds. */
export interface JournalShare extends JournalClient {
  readonly times: ClientTimes;
  /** Events of which its result was the first. */
  readonly events: number;
  /** Fragments of those events, but for the ones in `partly`: the journal counts fragments by range. */
  readonly fragments: number;
  /** Parts of its ranges whose other events another client had brought already. */
  readonly partly: readonly Range[];
}

/** What a run had come to when its journal ends. */
export interface JournalState {
  readonly start: JournalStart;
  /** The last one. */
  readonly life: number;
  /** Undefined where no client ever said what it returns. */
  readonly schema: ResultSchema | undefined;
  /** As the client sent it, to compare another's with. */
  readonly schemaBytes: Uint8Array | undefined;
  /** Events that have a result. */
  readonly done: RangeSet;
  /** Events that are in an epoch of totals. */
  readonly counted: RangeSet;
  /** For each client, all events of its results, copies included, that are in no epoch. */
  readonly uncounted: ReadonlyMap<Rank, RangeSet>;
  readonly totals: Totals | undefined;
  /** Events whose first result says that they failed. */
  readonly failed: number;
  /** Which they are, in the order of the journal; of very many the first. */
  readonly failures: readonly Failure[];
  readonly clients: ReadonlyMap<Rank, JournalShare>;
  readonly progress: JournalProgress;
  /** Undefined where no client was lost. */
  readonly suspects: SuspectRanges | undefined;
  /** Every event was done and counted, and the journal closed. */
  readonly ended: boolean;
  /** Where it ends; what follows there is torn or damaged. */
  readonly goodBytes: number;
  readonly restBytes: number;
}

/** Sentences of 1000 characters at most: 100 MB, as in a coordinator. */
const FAILURES_KEPT_MAX = 50_000;
/** Settings and names of sources are typed; the rest is short. */
const VALUE_BYTES_MAX = 2 ** 20;
/** What all clients had that were ever lost, in ranges. */
const SUSPECTS_BYTES_MAX = 64 * 2 ** 20;
const NO_PROGRESS: JournalProgress = {
  handedOut: 0,
  batches: 0,
  redone: 0,
  seconds: 0,
  counters: {},
};

/**
 * Reads a journal once, from its beginning to where it ends.
 *
 * @throws EvbError "journal-damaged" where it can't be read, doesn't begin with the start of a run,
 *   or holds what this evb wouldn't have written
 */
export function readJournalState(path: string): JournalState {
  const journal = new JournalReader(path);
  try {
    const reading = new Reading(journal);
    for (const record of journal.records()) reading.take(record);
    return reading.state();
  } finally {
    journal.close();
  }
}

export function encodeStart({ range, ...start }: JournalStart): Uint8Array<ArrayBuffer> {
  return encodeValue({ ...start, range: [range.first, range.end] });
}

interface Share {
  readonly client: JournalClient;
  times: ClientTimes;
  events: number;
  fragments: number;
  readonly partly: Range[];
}

class Reading {
  readonly #journal: JournalReader;
  #start: JournalStart | undefined;
  #life = 1;
  #agreed: { schema: ResultSchema; bytes: Uint8Array; totals: Totals } | undefined;
  readonly #done = new RangeSet();
  readonly #counted = new RangeSet();
  /** Events of each client's results, counted ones among them. */
  readonly #brought = new Map<Rank, RangeSet>();
  readonly #shares = new Map<Rank, Share>();
  /** Events that the coordinator itself said failed. */
  readonly #setAside = new RangeSet();
  #failed = 0;
  readonly #failures: Failure[] = [];
  #progress = NO_PROGRESS;
  #suspects: SuspectRanges | undefined;
  #ended = false;

  constructor(journal: JournalReader) {
    this.#journal = journal;
  }

  take(record: JournalRecord): void {
    if (this.#start === undefined && record.kind !== "start") throw this.#noStart();
    this.#life = record.life;
    const payload = this.#journal.payload(record);
    const { path } = this.#journal;
    decodedRecord(path, record.offset, () => {
      this.#takeChecked(record, payload);
    });
  }

  /** @throws EvbError "journal-damaged" where there was no record at all */
  state(): JournalState {
    if (this.#start === undefined) throw this.#noStart();
    const counted = this.#counted.ranges;
    for (const events of this.#brought.values()) events.removeAll(counted);
    const { goodBytes, restBytes } = this.#journal;
    return {
      start: this.#start,
      life: this.#life,
      schema: this.#agreed?.schema,
      schemaBytes: this.#agreed?.bytes,
      done: this.#done,
      counted: this.#counted,
      uncounted: this.#brought,
      totals: this.#agreed?.totals,
      failed: this.#failed,
      failures: this.#failures,
      clients: new Map(
        [...this.#shares].map(([rank, { client, ...share }]) => [rank, { ...client, ...share }]),
      ),
      progress: this.#progress,
      suspects: this.#suspects,
      ended: this.#ended,
      goodBytes,
      restBytes,
    };
  }

  #takeChecked(record: JournalRecord, payload: Uint8Array): void {
    const rank = asRank(record.rank);
    switch (record.kind) {
      case "start":
        if (this.#start !== undefined) throw bad("start", "it is not the first");
        this.#start = decodeStart(payload);
        break;
      case "schema":
        this.#agree(payload);
        break;
      case "results":
        this.#results(rank, payload);
        break;
      case "epoch":
        this.#epoch(payload);
        break;
      case "client":
        this.#join(rank, decodeClient(payload));
        break;
      case "progress":
        this.#progress = decodeProgress(payload);
        break;
      case "suspects":
        this.#suspects = decodeSuspects(payload);
        break;
      case "end":
        this.#ended = true;
        break;
      case "resume":
        // That it is there says all: its life is the record's.
        break;
    }
  }

  #agree(payload: Uint8Array): void {
    if (this.#agreed !== undefined) throw bad("schema", "there is one already");
    const schema = decodeSchema(payload);
    this.#agreed = { schema, bytes: payload.slice(), totals: new Totals(schema.totals) };
  }

  /** A process that says hello again, in this life or another, is the one that it was. */
  #join(rank: Rank, client: JournalClient): void {
    const known = this.#shares.get(rank)?.client.nonce;
    if (known !== undefined && known !== client.nonce)
      throw bad("client", `client ${String(rank)} is two processes`);
    if (known === undefined)
      this.#shares.set(rank, { client, times: NO_TIMES, events: 0, fragments: 0, partly: [] });
  }

  #results(rank: Rank, payload: Uint8Array): void {
    if (this.#agreed === undefined) throw bad("result", "it comes before the schema");
    const { results, failures } = decodeResultsRecord(payload, columnsOf(this.#agreed.schema));
    const brought = this.#brought.get(rank) ?? new RangeSet();
    this.#brought.set(rank, brought);
    const share = this.#shares.get(rank);
    // What rank 0 brings is the coordinator's own word on an event that no client can do.
    if (share === undefined && rank !== 0)
      throw bad("result", `its client ${String(rank)} never said hello`);
    if (share !== undefined) share.times = laterOf(share.times, results.times);
    const fresh: Range[] = [];
    for (const { first, events, fragments } of results.ranges) {
      const range = rangeOf({ first, events });
      brought.add(range);
      const parts = this.#done.add(range);
      fresh.push(...parts);
      if (share !== undefined) addTo(share, parts, { events, fragments });
    }
    // What the coordinator set aside failed, whoever did it once.
    if (failures.length > 0)
      this.#fail(failures, rank === 0 ? this.#setAsideNow(results.ranges) : fresh);
  }

  #setAsideNow(ranges: readonly { readonly first: number; readonly events: number }[]): Range[] {
    return ranges.flatMap((range) => this.#setAside.add(rangeOf(range)));
  }

  /** A failure counts with the first result of its event only. */
  #fail(failures: readonly Failure[], fresh: readonly Range[]): void {
    const committed = new RangeSet(fresh);
    for (const failure of failures) {
      if (!committed.touches({ first: failure.event, end: failure.event + 1 })) continue;
      this.#failed++;
      if (this.#failures.length < FAILURES_KEPT_MAX) this.#failures.push(failure);
    }
  }

  #epoch(frame: Uint8Array): void {
    const { ranges, totals } = this.#decodeEpoch(frame);
    // An epoch counts whole or not at all, and a coordinator journals only what counts.
    if (ranges.some((range) => this.#counted.touches(range)))
      throw bad("epoch", "it has events that are counted already");
    this.#counted.addAll(ranges);
    this.#agreed!.totals.merge(totals);
  }

  #decodeEpoch(frame: Uint8Array): { ranges: Range[]; totals: Totals } {
    if (this.#agreed === undefined) throw bad("epoch", "it comes before the schema");
    const { ranges, totals } = decodeEpoch(readHeader(frame), frame, this.#agreed.schema.totals);
    return { ranges: ranges.map(({ first, events }) => ({ first, end: first + events })), totals };
  }

  #noStart(): Error {
    const reason = "it doesn't begin with a whole record of a run's start";
    return fault("journal-damaged", { path: this.#journal.path, offset: 0, reason });
  }
}

const rangeOf = ({ first, events }: { first: number; events: number }): Range => ({
  first,
  end: first + events,
});

function addTo(
  share: Share,
  parts: readonly Range[],
  whole: { events: number; fragments: number },
): void {
  const events = lengthOf(parts);
  share.events += events;
  if (events === whole.events) share.fragments += whole.fragments;
  else share.partly.push(...parts);
}

/** Times are sums, so of two the larger is the later one, whichever came first. */
function laterOf(one: ClientTimes, other: ClientTimes): ClientTimes {
  return {
    bytes: Math.max(one.bytes, other.bytes),
    bytesRead: Math.max(one.bytesRead, other.bytesRead),
    seconds: Math.max(one.seconds, other.seconds),
    waitSeconds: Math.max(one.waitSeconds, other.waitSeconds),
    openSeconds: Math.max(one.openSeconds, other.openSeconds),
    readSeconds: Math.max(one.readSeconds, other.readSeconds),
    decodeSeconds: Math.max(one.decodeSeconds, other.decodeSeconds),
    analysisSeconds: Math.max(one.analysisSeconds, other.analysisSeconds),
    publishSeconds: Math.max(one.publishSeconds, other.publishSeconds),
  };
}

function decodeStart(payload: Uint8Array): JournalStart {
  const value = decodeValue("start", payload, VALUE_BYTES_MAX);
  const fields = new Fields("start", value);
  const events = fields.integer("events");
  const bounds = fields.list("range", 2, (bound) => numberOf("start", "a bound of range", bound));
  const [first, end] = bounds;
  if (first === undefined || end === undefined || first >= end || end > events)
    throw bad("start", "range is none of its events");
  const analysis = new Fields("start's analysis", (value as { analysis: unknown }).analysis);
  return {
    evb: fields.text("evb"),
    host: fields.text("host"),
    index: fields.text("index"),
    indexEnds: fields.text("indexEnds"),
    events,
    range: { first, end },
    analysis: {
      name: analysis.text("name"),
      sha256: analysis.optionalText("sha256"),
      settings: analysis.texts("settings"),
    },
    sources: fields.optionalText("sources"),
    run: fields.text("run"),
  };
}

function decodeClient(payload: Uint8Array): JournalClient {
  const fields = new Fields("client", decodeValue("client", payload, VALUE_BYTES_MAX));
  return { nonce: fields.text("nonce"), host: fields.text("host"), pid: fields.integer("pid") };
}

function decodeProgress(payload: Uint8Array): JournalProgress {
  const value = decodeValue("progress", payload, VALUE_BYTES_MAX);
  const fields = new Fields("progress", value);
  const { seconds, counters } = value as Record<"seconds" | "counters", unknown>;
  // Makes sure that it is a map.
  const inner = new Fields("progress's counters", counters);
  return {
    handedOut: fields.integer("handedOut"),
    batches: fields.integer("batches"),
    redone: fields.integer("redone"),
    seconds: numberOf("progress", "seconds", seconds),
    counters: Object.fromEntries(
      Object.keys(counters as object).map((name) => [name, inner.integer(name)]),
    ),
  };
}

export const encodeSuspects = (suspects: SuspectRanges): Uint8Array<ArrayBuffer> => {
  const pairs = (ranges: readonly Range[]): number[] =>
    ranges.flatMap(({ first, end }) => [first, end]);
  return encodeValue({ once: pairs(suspects.once), twice: pairs(suspects.twice) });
};

function decodeSuspects(payload: Uint8Array): SuspectRanges {
  const fields = new Fields("suspects", decodeValue("suspects", payload, SUSPECTS_BYTES_MAX));
  const ranges = (name: string): Range[] => {
    const bounds = fields.list(name, SUSPECTS_BYTES_MAX, (bound) =>
      numberOf("suspects", "a bound", bound),
    );
    const pairs: Range[] = [];
    for (let i = 0; i + 1 < bounds.length; i += 2)
      pairs.push({ first: bounds[i]!, end: bounds[i + 1]! });
    return pairs;
  };
  return { once: ranges("once"), twice: ranges("twice") };
}

function numberOf(what: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw bad(what, `${name} is no number from 0`);
}

function bad(what: string, reason: string): Error {
  return fault("frame-bad", { what, reason });
}
