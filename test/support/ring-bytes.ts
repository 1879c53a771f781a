/**
 * Ring items, byte by byte, as the specification of NSCLDAQ 10 to 12 draws them. Nothing of evb's own
 * encoders or constants is used here, so that a mistake in those shows.
 *
 *     const ring = new RingBytes({ version: 11, littleEndian: true });
 *     const hit = ring.physics({ stamp: 1000n, source: 1 }, [1, 2, 3, 4]);
 *     const file = Buffer.concat([
 *       ring.format(),
 *       ring.state("BEGIN_RUN", { run: 7 }, { source: 1, barrier: 1 }),
 *       ring.built({ stamp: 1000n, source: 0 }, [{ stamp: 1000n, source: 1, payload: hit }]),
 *     ]);
 */
export const TYPES = {
  BEGIN_RUN: 1,
  END_RUN: 2,
  PAUSE_RUN: 3,
  RESUME_RUN: 4,
  ABNORMAL_ENDRUN: 5,
  PACKET_TYPES: 10,
  MONITORED_VARIABLES: 11,
  RING_FORMAT: 12,
  PERIODIC_SCALERS: 20,
  TIMESTAMPED_NONINCR_SCALERS: 21,
  PHYSICS_EVENT: 30,
  PHYSICS_EVENT_COUNT: 31,
  EVB_FRAGMENT: 40,
  EVB_UNKNOWN_PAYLOAD: 41,
  EVB_GLOM_INFO: 42,
} as const;

/** "No time stamp". */
export const NO_STAMP = 0xffff_ffff_ffff_ffffn;

/** Who wrote the file. */
export interface Writer {
  readonly version: 10 | 11 | 12;
  readonly littleEndian: boolean;
}

/** A body header; what is left out is NULL, 0, 0, and no extension. */
export interface Header {
  readonly stamp?: bigint;
  readonly source?: number;
  readonly barrier?: number;
  readonly extension?: readonly number[];
}

export interface FragmentBytes {
  readonly stamp?: bigint;
  readonly source: number;
  readonly barrier?: number;
  readonly payload: Uint8Array;
}

type StateName = "BEGIN_RUN" | "END_RUN" | "PAUSE_RUN" | "RESUME_RUN";

export class RingBytes {
  readonly #version: 10 | 11 | 12;
  readonly #little: boolean;

  constructor({ version, littleEndian }: Writer) {
    this.#version = version;
    this.#little = littleEndian;
  }

  u16 = (value: number): Buffer =>
    this.#number(2, (view) => {
      view.setUint16(0, value, this.#little);
    });
  u32 = (value: number): Buffer =>
    this.#number(4, (view) => {
      view.setUint32(0, value, this.#little);
    });
  u64 = (value: bigint): Buffer =>
    this.#number(8, (view) => {
      view.setBigUint64(0, value, this.#little);
    });

  #number(bytes: number, write: (view: DataView) => void): Buffer {
    const view = new DataView(new ArrayBuffer(bytes));
    write(view);
    return Buffer.from(view.buffer);
  }

  #words = (...values: number[]): Buffer => Buffer.concat(values.map(this.u32));

  /** An item of any type. Of v10 none has a body header, whatever is said. */
  item(type: number, header: Header | undefined, body: Uint8Array | readonly number[]): Buffer {
    const head = this.#header(header);
    const rest = Buffer.concat([head, Buffer.from(body)]);
    return Buffer.concat([this.u32(8 + rest.length), this.u32(type), rest]);
  }

  #header(header: Header | undefined): Buffer {
    if (this.#version === 10) return Buffer.alloc(0);
    if (header === undefined) return this.u32(this.#version === 12 ? 4 : 0);
    const extension = Buffer.from(header.extension ?? []);
    return Buffer.concat([
      this.u32(20 + extension.length),
      this.u64(header.stamp ?? NO_STAMP),
      this.u32(header.source ?? 0),
      this.u32(header.barrier ?? 0),
      extension,
    ]);
  }

  /** What the versions have between their fields: v11 a divisor, v12 the original source as well. */
  #since = (version: 11 | 12, value: number): Buffer =>
    this.#version >= version ? this.u32(value) : Buffer.alloc(0);

  /** run | offset | time | [divisor] | [original source] | title, 81 bytes; v10 pads to a multiple of 4. */
  state(
    name: StateName,
    fields: {
      run: number;
      offset?: number;
      time?: number;
      divisor?: number;
      original?: number;
      title?: string;
    },
    header?: Header,
  ): Buffer {
    const title = Buffer.alloc(this.#version === 10 ? 84 : 81);
    title.write(fields.title ?? "a run", 0, 80, "utf8");
    const body = [
      this.#words(fields.run, fields.offset ?? 0, fields.time ?? 1_700_000_000),
      this.#since(11, fields.divisor ?? 1),
      this.#since(12, fields.original ?? 0),
      title,
    ];
    return this.item(TYPES[name], header, Buffer.concat(body));
  }

  /** Nothing but its header. */
  abnormalEnd(): Buffer {
    return this.item(TYPES.ABNORMAL_ENDRUN, undefined, []);
  }

  /** offset | time | strings | [divisor] | [original source] | strings with NULs */
  text(
    name: "PACKET_TYPES" | "MONITORED_VARIABLES",
    fields: {
      strings: readonly string[];
      offset?: number;
      time?: number;
      divisor?: number;
      original?: number;
    },
    header?: Header,
  ): Buffer {
    const body = [
      this.#words(fields.offset ?? 0, fields.time ?? 1_700_000_000, fields.strings.length),
      this.#since(11, fields.divisor ?? 1),
      this.#since(12, fields.original ?? 0),
      ...fields.strings.map((string) => Buffer.from(`${string}\0`)),
    ];
    return this.item(TYPES[name], header, Buffer.concat(body));
  }

  /** begin | end | time | [divisor] | count | [incremental] | [original source] | scalers */
  scalers(
    fields: {
      values: readonly number[];
      begin?: number;
      end?: number;
      time?: number;
      divisor?: number;
      incremental?: boolean;
      original?: number;
    },
    header?: Header,
  ): Buffer {
    const body = [
      this.#words(fields.begin ?? 0, fields.end ?? 1, fields.time ?? 1_700_000_000),
      this.#since(11, fields.divisor ?? 1),
      this.u32(fields.values.length),
      this.#since(11, (fields.incremental ?? true) ? 1 : 0),
      this.#since(12, fields.original ?? 0),
      this.#words(...fields.values),
    ];
    return this.item(TYPES.PERIODIC_SCALERS, header, Buffer.concat(body));
  }

  /** v10's type 21: stamp | begin | end | divisor | time | count | scalers, and a word too many. */
  stampedScalers(fields: {
    stamp: bigint;
    values: readonly number[];
    begin?: number;
    end?: number;
    time?: number;
    divisor?: number;
  }): Buffer {
    const body = [
      this.u64(fields.stamp),
      this.#words(
        fields.begin ?? 0,
        fields.end ?? 1,
        fields.divisor ?? 1,
        fields.time ?? 1_700_000_000,
      ),
      this.#words(fields.values.length, ...fields.values, 0),
    ];
    return this.item(TYPES.TIMESTAMPED_NONINCR_SCALERS, undefined, Buffer.concat(body));
  }

  /** offset | [divisor] | time | [original source] | events u64 */
  eventCount(
    fields: { events: bigint; offset?: number; time?: number; divisor?: number; original?: number },
    header?: Header,
  ): Buffer {
    const body = [
      this.u32(fields.offset ?? 0),
      this.#since(11, fields.divisor ?? 1),
      this.u32(fields.time ?? 1_700_000_000),
      this.#since(12, fields.original ?? 0),
      this.u64(fields.events),
    ];
    return this.item(TYPES.PHYSICS_EVENT_COUNT, header, Buffer.concat(body));
  }

  /** major u16 | minor u16; v11 and later. */
  format(major: number = this.#version, minor = 0): Buffer {
    return this.item(
      TYPES.RING_FORMAT,
      undefined,
      Buffer.concat([this.u16(major), this.u16(minor)]),
    );
  }

  /** window u64 | is building u16 | policy u16: 0 earliest, 1 latest, 2 average; v11 and later. */
  glomInfo(fields: { window: bigint; building?: boolean; policy?: 0 | 1 | 2 }): Buffer {
    const { window, building = true, policy = 0 } = fields;
    const body = [this.u64(window), this.u16(building ? 1 : 0), this.u16(policy)];
    return this.item(TYPES.EVB_GLOM_INFO, undefined, Buffer.concat(body));
  }

  /** What a detector recorded, as it is. */
  physics(header: Header | undefined, body: Uint8Array | readonly number[]): Buffer {
    return this.item(TYPES.PHYSICS_EVENT, header, body);
  }

  /** stamp u64 | source u32 | payload bytes u32 | barrier u32 | payload */
  fragment({ stamp, source, barrier, payload }: FragmentBytes): Buffer {
    const header = [this.u64(stamp ?? NO_STAMP), this.#words(source, payload.length, barrier ?? 0)];
    return Buffer.concat([...header, payload]);
  }

  /** What an event builder writes: byte count, itself included, and fragments. */
  built(
    header: Header | undefined,
    fragments: readonly FragmentBytes[],
    { count }: { count?: number } = {},
  ): Buffer {
    const body = Buffer.concat(fragments.map((fragment) => this.fragment(fragment)));
    const bytes = this.u32(count ?? 4 + body.length);
    return this.item(TYPES.PHYSICS_EVENT, header, Buffer.concat([bytes, body]));
  }

  /** A physics item within its fragment, both with the same stamp and source: what builders get. */
  hit(stamp: bigint, source: number, body: Uint8Array | readonly number[]): FragmentBytes {
    return { stamp, source, payload: this.physics({ stamp, source }, body) };
  }

  /** A fragment in an item of its own: in v11 and later its header is the body header. */
  evbFragment(fragment: FragmentBytes): Buffer {
    if (this.#version === 10)
      return this.item(TYPES.EVB_FRAGMENT, undefined, this.fragment(fragment));
    return this.item(TYPES.EVB_FRAGMENT, fragment, fragment.payload);
  }

  /** Type 41 as the format library writes it, or as glom does: a bare fragment header. */
  unknownPayload(fragment: FragmentBytes, writtenBy: "library" | "glom"): Buffer {
    if (writtenBy === "library" && this.#version !== 10)
      return this.item(TYPES.EVB_UNKNOWN_PAYLOAD, fragment, fragment.payload);
    const body = this.fragment(fragment);
    return Buffer.concat([this.#words(8 + body.length, TYPES.EVB_UNKNOWN_PAYLOAD), body]);
  }
}

/** Every version in either byte order, for tables of tests. */
export const WRITERS: readonly Writer[] = ([10, 11, 12] as const).flatMap((version) => [
  { version, littleEndian: true },
  { version, littleEndian: false },
]);
