import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { asLeaseId } from "@evb/event";
import { RING_ROWS } from "@evb/formats";
import { fingerprintOf } from "@evb/index";
import {
  decodeWelcome,
  encodeValue,
  encodeWelcome,
  RingSources,
  sourceInfos,
  type Lease,
  type Welcome,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { RingBytes } from "../support/ring-bytes.ts";
import { WELCOME } from "../support/run-frames.ts";

const LITTLE = new RingBytes({ version: 12, littleEndian: true });
const BIG = new RingBytes({ version: 12, littleEndian: false });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evb-test-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Payloads in files, one behind the other; each is a fragment of source 1, and all of them are one event. */
function openRun(files: readonly (readonly Uint8Array[])[]): {
  welcome: Welcome;
  lease: Lease;
  open: (readAhead?: number) => RingSources;
} {
  const names = files.map((payloads, k) => {
    const path = join(folder, `${String(k)}.evt`);
    writeFileSync(path, Buffer.concat(payloads));
    return path;
  });
  const payloads = files.flat();
  const welcome: Welcome = {
    ...WELCOME,
    root: folder,
    files: names.map((path, k) => ({ path: `${String(k)}.evt`, ...fingerprintOf(path) })),
    sources: [
      {
        name: "1",
        file: 0,
        payload: "",
        type: "u1",
        itemShape: [],
        rows: payloads.length,
        payloadFile: 0,
        storage: { ...RING_ROWS, bigEndian: false, ring: { v10: false } },
      },
    ],
  };
  let at = 0;
  const address = Float64Array.from(payloads, ({ length }) => (at += length) - length);
  const lease: Lease = {
    id: asLeaseId(1),
    first: 0,
    time: BigUint64Array.of(5n),
    fragmentCount: Uint16Array.of(payloads.length),
    source: new Uint16Array(payloads.length),
    row: Uint32Array.from(payloads, (_, k) => k),
    places: {
      address,
      stored: Uint32Array.from(payloads, ({ length }) => length),
      mask: undefined,
    },
  };
  const infos = sourceInfos(welcome);
  const open = (readAhead?: number): RingSources =>
    new RingSources(welcome, [], { infos, reads: true, reading: { readAhead } });
  return { welcome, lease, open };
}

const item = (
  ring: RingBytes,
  body: readonly number[],
  extension: readonly number[] = [],
): Buffer => ring.physics({ stamp: 5n, source: 1, extension }, body);

describe("fragments that are ring items", () => {
  test("are the bytes behind their headers, from whichever file, and the words that these are", async () => {
    const { lease, open } = openRun([
      [item(LITTLE, [1, 2, 3, 4]), item(BIG, [1, 2, 3, 4]), item(LITTLE, [])],
      // A header of 21 bytes puts the data at an odd place; a payload that is no item is taken whole.
      [item(LITTLE, [5, 6, 7], [9]), item(BIG, [5, 6, 7], [9]), Buffer.from("abcde")],
    ]);
    const sources = open();
    const fragments = sources.read(lease, 0, 6);
    expect(fragments.map(({ data }) => [...(data as Uint8Array)])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [],
      [5, 6, 7],
      [5, 6, 7],
      [...Buffer.from("abcde")],
    ]);
    expect(fragments.map(({ words }) => [...words!])).toEqual([
      [0x0201, 0x0403],
      [0x0102, 0x0304],
      [],
      [0x0605],
      [0x0506],
      [0x6261, 0x6463],
    ]);
    // Words in another order are words beside the data, not in them.
    expect([...(fragments[1]!.data as Uint8Array)]).toEqual([1, 2, 3, 4]);
    expect(fragments[0]!.source).toEqual({ name: "1", type: "u1", shape: [-1], hasWords: true });
    expect(sources.counts.bytes).toBe(19);
    await sources.close();
  });

  test("may be large, and are then read ahead on demand", async () => {
    const body = (k: number): number[] => Array.from({ length: 20_000 }, (_, i) => (i * k) % 251);
    const { lease, open } = openRun([
      [item(LITTLE, body(1))],
      [item(BIG, body(3)), item(LITTLE, [7])],
    ]);
    for (const readAhead of [0, 4]) {
      const sources = open(readAhead);
      expect(sources.begin(lease, 0, 3)).toBe(readAhead > 0);
      await sources.arrival(lease, 0);
      const [first, second, third] = sources.read(lease, 0, 3);
      expect([...(first!.data as Uint8Array)]).toEqual(body(1));
      expect([...(second!.data as Uint8Array)]).toEqual(body(3));
      expect(third!.data).toEqual(Uint8Array.of(7));
      // 8 bytes: what an analysis may want to see as doubles lies where doubles may lie.
      expect(first!.data.byteOffset % 8).toBe(0);
      sources.took(lease, 0, { seconds: 0, bytes: 0 });
      await sources.close();
    }
  });

  test("of a file that is cut under way name source, row, file and byte", async () => {
    const { lease, open } = openRun([[item(LITTLE, [1])], [item(LITTLE, [2]), item(LITTLE, [3])]]);
    const sources = open();
    sources.read(lease, 0, 2);
    truncateSync(join(folder, "1.evt"), 29);
    const other = open();
    const stale = await faultOf(() => other.read(lease, 0, 3));
    expect(stale.tag).toBe("index-stale");
    const fault = await faultOf(() => sources.read(lease, 0, 3));
    expect(fault.tag).toBe("fragment-failed");
    expect(fault.message).toBe(
      `row 2 of 1: ${join(folder, "1.evt")} ends before the 29 bytes at byte 29 that its index says are there; it was cut off, or changed: run \`evb index\` again`,
    );
    expect(
      (
        await faultOf(() => {
          sources.checkUnchanged();
        })
      ).tag,
    ).toBe("data-changed");
    await Promise.all([sources.close(), other.close()]);
  });
});

describe("a welcome", () => {
  test("says that sources are ring items", () => {
    const { welcome } = openRun([[item(LITTLE, [1])]]);
    expect(decodeWelcome(encodeWelcome(welcome))).toMatchObject({
      sources: [{ name: "1", type: "u1", itemShape: [], storage: { ring: { v10: false } } }],
    });
  });

  test("whose sources are some so, some not, or whose ring is none, is refused", async () => {
    const { welcome } = openRun([[item(LITTLE, [1])]]);
    const [source] = welcome.sources;
    const mixed = [source!, { ...source!, storage: undefined }];
    const none = [{ ...source!, storage: { ...source!.storage!, ring: { v10: 1 } } }];
    for (const sources of [mixed, none])
      expect((await faultOf(() => decodeWelcome(encodeValue({ ...welcome, sources })))).tag).toBe(
        "frame-bad",
      );
  });
});
