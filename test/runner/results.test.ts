import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { ResultSchema } from "@evb/analysis";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { RunIndex } from "@evb/index";
import {
  encodeFailures,
  encodeResults,
  JournalWriter,
  writeResults,
  type Range,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { RESULTS } from "../support/run-frames.ts";
import { smallRun } from "../support/run-small.ts";

const SCHEMA: ResultSchema = {
  eventColumns: [{ name: "v", type: "i4" }],
  fragmentColumns: [],
  totals: [],
};

interface Message {
  first: number;
  values: readonly number[];
  failed?: number;
}

/** A journal with these messages, made into results; returns column v and the status of what is done. */
async function made(folder: string, messages: readonly Message[], done: readonly Range[]) {
  const { indexPath } = await smallRun(folder, { size: { kind: "events", events: 10 } });
  const index = await RunIndex.open(indexPath);
  const [journalPath, path] = [join(folder, "journal"), join(folder, "results.h5")];
  const journal = new JournalWriter(journalPath);
  messages.forEach(({ first, values, failed }, i) => {
    const events = values.length;
    const fragments = index.slab(first, events).source.length;
    const frame = encodeResults(
      { sid: 1, session: 1, seq: i + 1, ack: 0 },
      {
        ranges: [{ lease: i, first, events, fragments }],
        times: RESULTS.times,
        eventSlots: BigUint64Array.from(values, BigInt),
        fragmentSlots: new BigUint64Array(0),
      },
    );
    const head = new Uint8Array(new Uint32Array([frame.byteLength, 0]).buffer);
    const more = failed === undefined ? [] : [encodeFailures([{ event: failed, reason: "no" }])];
    journal.append("results", 1, head, frame, ...more);
  });
  journal.close();
  try {
    await writeResults({
      journalPath,
      path,
      index,
      schema: SCHEMA,
      totals: undefined,
      done,
      evbVersion: "test",
    });
  } finally {
    index.close();
  }
  const file = new Hdf5File(await loadHdf5(), path);
  const column = (name: string): number[] =>
    Array.from(file.dataSet(name).readColumn() as ArrayLike<number | bigint>, Number);
  const results = {
    event: column("/events/event"),
    v: column("/events/columns/v"),
    status: column("/events/status"),
  };
  file.close();
  return results;
}

describe("results.h5", () => {
  test("has the first result of an event, and whether that one failed", () =>
    inFolder(async (folder) => {
      const messages = [
        { first: 2, values: [22, 33], failed: 3 },
        { first: 0, values: [0, 11, 99, 99] },
        { first: 3, values: [98], failed: 3 },
      ];
      expect(await made(folder, messages, [{ first: 0, end: 4 }])).toEqual({
        event: [0, 1, 2, 3],
        v: [0, 11, 22, 33],
        status: [0, 0, 0, 1],
      });
    }));

  test("has only what is done, in order, wherever the gaps are", () =>
    inFolder(async (folder) => {
      const messages = [{ first: 0, values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }];
      const done = [
        { first: 1, end: 3 },
        { first: 7, end: 8 },
      ];
      expect(await made(folder, messages, done)).toEqual({
        event: [1, 2, 7],
        v: [1, 2, 7],
        status: [0, 0, 0],
      });
    }));

  test("isn't made of a journal that lacks a result, which is named", () =>
    inFolder(async (folder) => {
      const messages = [{ first: 0, values: [0, 1, 2] }];
      const fault = await faultOf(() => made(folder, messages, [{ first: 0, end: 5 }]));
      expect(fault).toMatchObject({ tag: "journal-damaged", exitCode: 1 });
      expect(fault.message).toMatch(/: it ends without the result of event 3$/);
      expect(existsSync(join(folder, "results.h5"))).toBe(false);
      expect(existsSync(join(folder, "results.h5.partial"))).toBe(false);
    }));
});
