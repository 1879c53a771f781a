import { appendFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Totals, type ResultSchema } from "@evb/analysis";
import { asRank } from "@evb/event";
import {
  encodeEpoch,
  encodeFailures,
  encodeResults,
  encodeSchema,
  encodeStart,
  encodeValue,
  JournalWriter,
  readJournalState,
  type JournalProgress,
  type JournalStart,
  type Range,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { RESULTS } from "../support/run-frames.ts";

const START: JournalStart = {
  evb: "0.1.0",
  host: "node17",
  index: "run.index.h5",
  indexEnds: "00ff",
  events: 100,
  range: { first: 10, end: 60 },
  analysis: { name: "/a/mine.ts", sha256: "00ff", settings: { threshold: "40" } },
  sources: "file1,file2",
  run: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
};
const SCHEMA: ResultSchema = {
  eventColumns: [{ name: "v", type: "i4" }],
  fragmentColumns: [],
  totals: [{ name: "sum", type: "i8", length: 1 }],
};
const PROGRESS: JournalProgress = {
  handedOut: 44,
  batches: 12,
  redone: 3,
  seconds: 2.5,
  counters: { clientsLost: 2, lateCopies: 0 },
};

const HEAD = { sid: 1, session: 1, seq: 1, ack: 0 };
const ONE = { nonce: "01", host: "node1", pid: 11 };
const TWO = { nonce: "02", host: "node2", pid: 22 };

const range = (first: number, end: number): Range => ({ first, end });

/** A journal put together record by record. */
class Hand {
  readonly path: string;
  #writer: JournalWriter;
  readonly #former: JournalWriter[] = [];

  constructor(folder: string) {
    this.path = join(folder, "journal");
    this.#writer = new JournalWriter(this.path);
  }

  start(): this {
    this.#writer.append("start", 0, encodeStart(START));
    return this;
  }

  schema(): this {
    this.#writer.append("schema", 0, encodeSchema(SCHEMA));
    return this;
  }

  client(rank: number, client: typeof ONE): this {
    this.#writer.append("client", rank, encodeValue(client));
    return this;
  }

  /** Each range has two fragments an event. */
  results(
    rank: number,
    ranges: readonly Range[],
    more: {
      failures?: Parameters<typeof encodeFailures>[0];
      seconds?: number;
      bytes?: number;
    } = {},
  ): this {
    const events = ranges.reduce((sum, { first, end }) => sum + end - first, 0);
    const { failures, ...times } = more;
    const frame = encodeResults(HEAD, {
      ranges: ranges.map(({ first, end }, lease) => ({
        lease,
        first,
        events: end - first,
        fragments: 2 * (end - first),
      })),
      times: { ...RESULTS.times, ...times },
      eventSlots: new BigUint64Array(events),
      fragmentSlots: new BigUint64Array(0),
    });
    const head = new Uint8Array(new Uint32Array([frame.byteLength, 0]).buffer);
    const second = failures === undefined ? [] : [encodeFailures(failures)];
    this.#writer.append("results", rank, head, frame, ...second);
    return this;
  }

  epoch(rank: number, ranges: readonly Range[], sum: number): this {
    const totals = new Totals(SCHEMA.totals);
    totals.add(0, sum, 0);
    const events = ranges.map(({ first, end }) => ({ first, events: end - first }));
    this.#writer.append("epoch", rank, encodeEpoch(HEAD, { ranges: events, totals }));
    return this;
  }

  progress(progress: object): this {
    this.#writer.append("progress", 0, encodeValue(progress));
    return this;
  }

  end(): this {
    this.#writer.append("end", 0);
    return this;
  }

  resume(life: number): this {
    this.#writer.flush();
    this.#former.push(this.#writer);
    this.#writer = JournalWriter.resume(this.path, { keepBytes: statSync(this.path).size, life });
    this.#writer.append("resume", 0, encodeValue({ host: "node3", pid: 33, cutBytes: 0 }));
    return this;
  }

  /** The last coordinator was frozen, and wakes up: it has results of these, and thinks that the run is over. */
  late(ranges: readonly Range[]): this {
    const current = this.#writer;
    current.flush();
    this.#writer = this.#former.at(-1)!;
    this.results(1, ranges).epoch(1, ranges, 1000).end();
    this.#writer.flush();
    this.#writer = current;
    return this;
  }

  /** Closes it, and says what is read of it. */
  state() {
    for (const writer of [...this.#former, this.#writer]) writer.close();
    const state = readJournalState(this.path);
    return {
      ...state,
      done: state.done.ranges,
      counted: state.counted.ranges,
      uncounted: Object.fromEntries([...state.uncounted].map(([r, set]) => [r, set.ranges])),
      total: state.totals?.integer(0),
    };
  }
}

const hand = (folder: string): Hand =>
  new Hand(folder).start().schema().client(1, ONE).client(2, TWO);

describe("the state of a run, read from its journal", () => {
  test("is that nothing was done where nobody came", () =>
    inFolder((folder) => {
      const { total, ...state } = new Hand(folder).start().state();
      expect({ total, ...state }).toEqual({
        start: START,
        life: 1,
        schema: undefined,
        schemaBytes: undefined,
        done: [],
        counted: [],
        uncounted: {},
        totals: undefined,
        total: undefined,
        failed: 0,
        failures: [],
        clients: new Map(),
        progress: { handedOut: 0, batches: 0, redone: 0, seconds: 0, counters: {} },
        ended: false,
        goodBytes: statSync(join(folder, "journal")).size,
        restBytes: 0,
      });
    }));

  test("has the schema, and its bytes to compare another client's with", () =>
    inFolder((folder) => {
      const { schema, schemaBytes } = hand(folder).state();
      expect({ schema, schemaBytes }).toEqual({
        schema: SCHEMA,
        schemaBytes: encodeSchema(SCHEMA),
      });
    }));

  test("has what is done, counted, and done but not counted by whom, copies included", () =>
    inFolder((folder) => {
      const { done, counted, uncounted, total } = hand(folder)
        .results(1, [range(10, 20), range(30, 35)])
        .results(2, [range(20, 30)])
        .epoch(1, [range(10, 16)], 6)
        // Copies of 14 and 15, which are counted, and of 16 to 19, which are not.
        .results(2, [range(14, 22)])
        .epoch(2, [range(20, 25)], 50)
        .state();
      expect({ done, counted, uncounted, total }).toEqual({
        done: [range(10, 35)],
        counted: [range(10, 16), range(20, 25)],
        uncounted: {
          1: [range(16, 20), range(30, 35)],
          2: [range(16, 20), range(25, 30)],
        },
        total: 56n,
      });
    }));

  test("has a failure only where it came with the first result of its event", () =>
    inFolder((folder) => {
      const { failed, failures } = hand(folder)
        .results(1, [range(10, 14)], { failures: [{ event: 12, reason: "first" }] })
        .results(2, [range(12, 16)], {
          failures: [
            { event: 12, reason: "again" },
            { event: 13, reason: "only in a copy" },
            { event: 15, reason: "second" },
          ],
        })
        .state();
      expect(failed).toBe(2);
      expect(failures).toEqual([
        { event: 12, reason: "first" },
        { event: 15, reason: "second" },
      ]);
    }));

  test("has each client's part: sums of its times, and events of which its result was the first", () =>
    inFolder((folder) => {
      const { clients } = hand(folder)
        .results(1, [range(10, 20)], { seconds: 3, bytes: 5 })
        .results(2, [range(15, 25), range(40, 43)], { seconds: 1 })
        // An earlier message that came again.
        .results(1, [range(10, 12)], { seconds: 2, bytes: 4 })
        .state();
      const { times } = RESULTS;
      expect([...clients]).toEqual([
        [
          1,
          {
            ...ONE,
            times: { ...times, seconds: 3, bytes: 5 },
            events: 10,
            fragments: 20,
            partly: [],
          },
        ],
        [
          2,
          {
            ...TWO,
            times: { ...times, seconds: 1 },
            events: 8,
            // Of 40 to 42; how many 20 to 24 have, a range of 15 to 24 doesn't say.
            fragments: 6,
            partly: [range(20, 25)],
          },
        ],
      ]);
    }));

  test("takes the last progress, and whether the run came to its end", () =>
    inFolder((folder) => {
      const { progress, ended } = hand(folder)
        .progress({ ...PROGRESS, handedOut: 1 })
        .progress(PROGRESS)
        .end()
        .state();
      expect({ progress, ended }).toEqual({ progress: PROGRESS, ended: true });
    }));

  test("goes on over lives; a client that says hello again is the one it was", () =>
    inFolder((folder) => {
      const state = hand(folder)
        .results(1, [range(10, 20)])
        .resume(2)
        .client(1, ONE)
        .epoch(1, [range(10, 20)], 1)
        .resume(3)
        .client(1, ONE)
        .results(1, [range(20, 30)])
        .state();
      expect(state).toMatchObject({
        life: 3,
        done: [range(10, 30)],
        counted: [range(10, 20)],
        uncounted: { 1: [range(20, 30)] },
        total: 1n,
        ended: false,
      });
      expect(state.clients.get(asRank(1))).toMatchObject({ ...ONE, events: 20 });
    }));

  test("ignores what a former coordinator wrote behind the one that took over", () =>
    inFolder((folder) => {
      const state = hand(folder)
        .results(1, [range(10, 20)])
        .resume(2)
        .late([range(20, 30)])
        .client(1, ONE)
        .results(1, [range(30, 40)])
        .epoch(1, [range(10, 20)], 1)
        .state();
      expect(state).toMatchObject({
        life: 2,
        done: [range(10, 20), range(30, 40)],
        counted: [range(10, 20)],
        total: 1n,
        ended: false,
        goodBytes: statSync(join(folder, "journal")).size,
      });
    }));

  test("says where the journal ends, and how much follows that is torn", () =>
    inFolder((folder) => {
      const journal = hand(folder).results(1, [range(10, 20)]);
      const { goodBytes } = journal.state();
      appendFileSync(journal.path, new Uint8Array(100));
      expect(readJournalState(journal.path)).toMatchObject({ goodBytes, restBytes: 100 });
      truncateSync(journal.path, goodBytes - 1);
      const state = readJournalState(journal.path);
      expect(state.done.count).toBe(0);
      expect(state.goodBytes + state.restBytes).toBe(goodBytes - 1);
    }));
});

describe("a journal that no run can go on from", () => {
  const damaged = async (path: string): Promise<string> => {
    const fault = await faultOf(() => readJournalState(path));
    expect(fault).toMatchObject({ tag: "journal-damaged", exitCode: 1 });
    return fault.message.replace(path, "JOURNAL");
  };
  const NO_START =
    "the journal JOURNAL is damaged at byte 0: it doesn't begin with a whole record of a run's start";

  test("is one that is missing, empty, torn in its start or of something else", () =>
    inFolder(async (folder) => {
      expect(await damaged(join(folder, "none"))).toMatch(/at byte 0: .*ENOENT/);
      const path = join(folder, "empty");
      writeFileSync(path, "");
      expect(await damaged(path)).toBe(NO_START);
      writeFileSync(path, "A table of contents, or whatever else lies in a folder.");
      expect(await damaged(path)).toBe(NO_START);
      const journal = new Hand(folder).start();
      const { goodBytes } = journal.state();
      truncateSync(journal.path, goodBytes - 1);
      expect(await damaged(journal.path)).toBe(NO_START);
    }));

  const hands: readonly [string, (journal: Hand) => Hand, RegExp][] = [
    ["a schema before the start", (journal) => journal.schema(), /doesn't begin with a whole/],
    ["two starts", (journal) => journal.start().start(), /it is not the first/],
    ["two schemas", (journal) => journal.start().schema().schema(), /there is one already/],
    [
      "results before the schema",
      (journal) => journal.start().client(1, ONE).results(1, []),
      /it comes before the schema/,
    ],
    [
      "an epoch before the schema",
      (journal) => journal.start().epoch(1, [range(10, 11)], 1),
      /it comes before the schema/,
    ],
    [
      "results of a client that never said hello",
      (journal) => journal.start().schema().results(3, []),
      /its client 3 never said hello/,
    ],
    [
      "two processes of one rank",
      (journal) => journal.start().client(1, ONE).client(1, TWO),
      /client 1 is two processes/,
    ],
    [
      "an event that is counted twice",
      (journal) =>
        journal
          .start()
          .schema()
          .epoch(1, [range(10, 12)], 1)
          .epoch(2, [range(11, 13)], 1),
      /events that are counted already/,
    ],
    [
      "a progress without seconds",
      (journal) => journal.start().progress({ ...PROGRESS, seconds: "long" }),
      /seconds is no number/,
    ],
    [
      "a counter that is none",
      (journal) => journal.start().progress({ ...PROGRESS, counters: { lost: -1 } }),
      /lost is no number/,
    ],
  ];
  test.each(hands)("is one with %s", (_, make, sentence) =>
    inFolder(async (folder) => {
      const fault = await faultOf(() => make(new Hand(folder)).state());
      expect(fault).toMatchObject({ tag: "journal-damaged", exitCode: 1 });
      expect(fault.message).toMatch(sentence);
    }),
  );

  test.each([
    ["range", [10, 101], "range is none of its events"],
    ["range", [10], "range is none of its events"],
    ["range", [10, "60"], "a bound of range is no number from 0"],
    ["events", -1, "events is no number from 0"],
    ["run", undefined, "run is no short text"],
    ["indexEnds", 7, "indexEnds is no short text"],
    ["analysis", "none", "start's analysis can't be understood: it is no map"],
  ])("is one whose start has a %s of %j", (field, value, sentence) =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      const { first, end } = START.range;
      const start = { ...START, range: [first, end], [field]: value };
      writer.append("start", 0, encodeValue(start));
      writer.close();
      expect(await damaged(path)).toContain(sentence);
    }),
  );
});
