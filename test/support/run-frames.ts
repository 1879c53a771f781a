import { asLeaseId } from "@evb/event";
import { Totals, type ResultSchema } from "@evb/analysis";
import {
  encodeEpoch,
  encodeFailures,
  encodeFault,
  encodeJoin,
  encodeLeases,
  encodeRefusal,
  encodeResults,
  encodeRevoked,
  encodeSchema,
  encodeWelcome,
  newFrame,
  type Epoch,
  type GivenBack,
  type Header,
  type Join,
  type Lease,
  type Refusal,
  type Results,
  type Welcome,
} from "@evb/runner";

/** One message of every kind, small, with every field another number. */
export const HEAD: Omit<Header, "kind" | "n"> = {
  sid: 0x0302,
  session: 0x07060504,
  seq: 0x0b0a0908,
  ack: 0x0f0e0d0c,
};

export const LEASES: readonly Lease[] = [
  {
    id: asLeaseId(7),
    first: 5,
    time: BigUint64Array.of(1_700_000_000_000_000_013n, 0xffff_ffff_ffff_ffffn),
    fragmentCount: Uint16Array.of(1, 2),
    source: Uint16Array.of(0, 0, 1),
    row: Uint32Array.of(3, 4, 0xffff_ffff),
  },
  {
    id: asLeaseId(8),
    first: 100,
    time: BigUint64Array.of(2n),
    fragmentCount: Uint16Array.of(0),
    source: new Uint16Array(0),
    row: new Uint32Array(0),
  },
];

export const RESULTS: Results = {
  ranges: [
    { lease: 7, first: 5, events: 2, fragments: 3 },
    { lease: 8, first: 100, events: 1, fragments: 0 },
  ],
  times: {
    bytes: 2 ** 53,
    bytesRead: 1,
    seconds: 2.5,
    waitSeconds: 0.25,
    openSeconds: 0,
    readSeconds: 1e-9,
    decodeSeconds: 3,
    analysisSeconds: 4,
    publishSeconds: 5,
  },
  eventSlots: BigUint64Array.of(1n, 2n, 0xffff_ffff_ffff_ffffn),
  fragmentSlots: BigUint64Array.of(4n, 5n, 6n, 7n, 8n, 9n),
};
export const COLUMNS = { event: 1, fragment: 2 };

export const SCHEMA: ResultSchema = {
  eventColumns: [{ name: "peaks", type: "i4" }],
  fragmentColumns: [
    { name: "first", type: "data" },
    { name: "sum", type: "f8" },
  ],
  totals: [
    { name: "count", type: "i8", length: 1 },
    { name: "spectrum", type: "f8", length: 3 },
  ],
};

export function epoch(): Epoch {
  const totals = new Totals(SCHEMA.totals);
  totals.add(0, -(2n ** 63n), 0);
  totals.add(0, -5, 0);
  totals.addAll(1, [0.5, -1, 2 ** 60]);
  return {
    ranges: [
      { first: 5, events: 2 },
      { first: 100, events: 1 },
    ],
    totals,
  };
}

export const JOIN: Join = {
  nonce: "000102030405060708090a0b0c0d0e0f",
  host: "node17",
  pid: 7,
  evb: "0.1.0",
  run: "b1f9a5c0-93d4-4d0c-9d1b-1d6ea3f3a5c2",
};

export const WELCOME: Welcome = {
  nonce: JOIN.nonce,
  session: 0xffff_ffff,
  sid: 65_535,
  rank: 3,
  lanePort: 40_000,
  beatMs: 100,
  eventTimeoutMs: 2 ** 31 - 1,
  analysis: { name: "/home/a/mine.ts", sha256: "00ff", settings: { threshold: "40", ü: "é" } },
  root: "/data",
  indexPath: "run.index.h5",
  files: [{ path: "file1.h5", sizeBytes: 100_000_000_000, ends: "abc" }],
  sources: [
    {
      name: "file1",
      file: 0,
      payload: "bigdata1",
      type: "i4",
      itemShape: [250, 1000],
      rows: 2 ** 40,
      payloadFile: 0,
      storage: {
        bigEndian: true,
        chunk: [1, 250, 500],
        address: -1,
        filters: [{ id: 2, clientData: [4] }],
        fill: Uint8Array.of(0xff, 0xff, 0xfc, 0x19),
      },
    },
  ],
};

export const REFUSAL: Refusal = {
  nonce: JOIN.nonce,
  refused: "client 3 on node17: frame cannot be read: its checksum is wrong",
};

export const FAULT = "run/file1.h5 on node17 has changed – ö";

export const FAILURES = [{ event: 4_294_967_295, reason: "no peak found (mine.ts:12) – ö" }];

export const GIVEN_BACK: readonly GivenBack[] = [
  { lease: 7, first: 6, events: 1 },
  { lease: 0xffff_ffff, first: 100, events: 4_294_967_295 },
];

/** Every frame that can come over a wire, as bytes, without a checksum. */
export const frames = (): Readonly<Record<string, Uint8Array<ArrayBuffer>>> => ({
  beat: newFrame({ ...HEAD, kind: "beat", n: 0 }, 0).frame,
  settled: newFrame({ ...HEAD, kind: "settled", n: 0 }, 0).frame,
  lease: encodeLeases({ ...HEAD, kind: "lease" }, LEASES),
  double: encodeLeases({ ...HEAD, kind: "double" }, LEASES),
  result: encodeResults(HEAD, RESULTS),
  epoch: encodeEpoch(HEAD, epoch()),
  revoke: newFrame({ ...HEAD, kind: "revoke", n: 0 }, 0).frame,
  revoked: encodeRevoked(HEAD, GIVEN_BACK),
  join: encodeJoin(JOIN),
  welcome: encodeWelcome(WELCOME),
  refusal: encodeRefusal(REFUSAL),
  schema: encodeSchema(SCHEMA),
  failures: encodeFailures(FAILURES),
  fault: encodeFault(FAULT),
});
