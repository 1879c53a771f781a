import { elementBytes, ELEMENT_TYPES, isFloat, isUnsigned, type ElementType } from "@evb/event";
import type { ColumnSchema, EventResult, ResultSchema } from "@evb/analysis";
import { fault } from "../faults.ts";
import { FAILURE_LENGTH_MAX, type Failure } from "../wire/join.ts";
import type { EventRange } from "../wire/result-message.ts";

/** 8-byte slots that grow; numbers are written without making BigInts of them. */
class SlotColumn {
  #bytes = new ArrayBuffer(8 * 64);
  #floats = new Float64Array(this.#bytes);
  #words = new Int32Array(this.#bytes);
  #big = new BigInt64Array(this.#bytes);
  length = 0;

  pushFloat(value: number): void {
    // Asked for first: it may put larger arrays in place.
    const at = this.#next();
    this.#floats[at] = value;
  }

  /** A whole number within ±2^53. */
  pushInteger(value: number): void {
    const at = 2 * this.#next();
    this.#words[at] = value | 0;
    this.#words[at + 1] = Math.floor(value / 2 ** 32);
  }

  pushBig(value: bigint): void {
    const at = this.#next();
    this.#big[at] = value;
  }

  /** What was pushed, in memory of its own; then it starts anew. */
  takeInto(target: BigUint64Array, at: number): void {
    target.set(new BigUint64Array(this.#bytes, 0, this.length), at);
    this.length = 0;
  }

  #next(): number {
    if (8 * this.length === this.#bytes.byteLength) {
      const bytes = new ArrayBuffer(2 * this.#bytes.byteLength);
      new Uint8Array(bytes).set(new Uint8Array(this.#bytes));
      this.#bytes = bytes;
      this.#floats = new Float64Array(bytes);
      this.#words = new Int32Array(bytes);
      this.#big = new BigInt64Array(bytes);
    }
    return this.length++;
  }
}

/** UTF-8 takes at most three bytes for what JavaScript counts as one character. */
const UTF8_BYTES_MAX = 3;

/** The results of some events, as they will travel: values are taken in, checked, at once. */
export class ResultBuilder {
  readonly #schema: ResultSchema;
  readonly #sourceTypes: readonly ElementType[];
  readonly #eventColumns: SlotColumn[];
  readonly #fragmentColumns: SlotColumn[];
  #ranges: { lease: number; first: number; events: number; fragments: number }[] = [];
  #failures: Failure[] = [];
  /** Bytes of the slots and of the failures so far. */
  bytes = 0;

  constructor(schema: ResultSchema, sourceTypes: readonly ElementType[]) {
    this.#schema = schema;
    this.#sourceTypes = sourceTypes;
    this.#eventColumns = schema.eventColumns.map(() => new SlotColumn());
    this.#fragmentColumns = schema.fragmentColumns.map(() => new SlotColumn());
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  get rangeCount(): number {
    return this.#ranges.length;
  }

  /**
   * Takes the result of one event in.
   *
   * @param sources rows of the event's fragments' sources
   * @throws EvbError "analysis-result"; nothing of the event is then kept
   */
  add(
    place: { lease: number; event: number },
    sources: Uint16Array,
    result: EventResult | undefined,
  ): void {
    this.#check(sources, result);
    this.#schema.eventColumns.forEach(({ name, type }, i) => {
      push(this.#eventColumns[i]!, type as ElementType, result!.columns![name]!);
    });
    this.#schema.fragmentColumns.forEach(({ name, type }, i) => {
      const values = result!.fragments![name]!;
      for (let f = 0; f < sources.length; f++)
        push(this.#fragmentColumns[i]!, this.#typeOf(type, sources[f]!), values[f]!);
    });
    this.#count(place, sources.length);
  }

  /** Takes in that the event failed; its values are 0, or not a number. */
  fail(place: { lease: number; event: number }, sources: Uint16Array, reason: string): void {
    this.#schema.eventColumns.forEach(({ type }, i) => {
      push(this.#eventColumns[i]!, type as ElementType, isFloat(type as ElementType) ? NaN : 0);
    });
    this.#schema.fragmentColumns.forEach(({ type }, i) => {
      for (const source of sources) {
        const known = this.#typeOf(type, source);
        push(this.#fragmentColumns[i]!, known, isFloat(known) ? NaN : 0);
      }
    });
    const short = reason.slice(0, FAILURE_LENGTH_MAX);
    this.#failures.push({ event: place.event, reason: short });
    this.bytes += UTF8_BYTES_MAX * short.length;
    this.#count(place, sources.length);
  }

  /** Everything since the last take. */
  take(): {
    ranges: EventRange[];
    eventSlots: BigUint64Array;
    fragmentSlots: BigUint64Array;
    failures: Failure[];
  } {
    const taken = {
      ranges: this.#ranges,
      eventSlots: joined(this.#eventColumns),
      fragmentSlots: joined(this.#fragmentColumns),
      failures: this.#failures,
    };
    this.#ranges = [];
    this.#failures = [];
    this.bytes = 0;
    return taken;
  }

  /** Everything is looked at before anything is kept. */
  #check(sources: Uint16Array, result: EventResult | undefined): void {
    if (result instanceof Promise) {
      // Nobody will wait for it; what it may throw is said here.
      result.catch(() => undefined);
      throw fault("analysis-result", {
        what: "a promise",
        reason: "the next event is read at once: event() must not be async",
      });
    }
    for (const column of this.#schema.eventColumns)
      checkValue(column.name, column.type as ElementType, result?.columns?.[column.name]);
    for (const column of this.#schema.fragmentColumns) {
      const values = result?.fragments?.[column.name];
      if (values?.length !== sources.length) {
        const what = values === undefined ? "nothing" : `${String(values.length)} values`;
        const reason = `the event has ${String(sources.length)} fragments`;
        throw fault("analysis-result", {
          what: `${what} for the fragment column ${column.name}`,
          reason,
        });
      }
      for (let f = 0; f < sources.length; f++)
        checkValue(column.name, this.#typeOf(column.type, sources[f]!), values[f]);
    }
    checkUndeclared(result?.columns, this.#schema.eventColumns);
    checkUndeclared(result?.fragments, this.#schema.fragmentColumns);
  }

  #typeOf(type: ElementType | "data", source: number): ElementType {
    return type === "data" ? this.#sourceTypes[source]! : type;
  }

  #count({ lease, event }: { lease: number; event: number }, fragments: number): void {
    const last = this.#ranges.at(-1);
    if (last?.lease === lease && last.first + last.events === event) {
      last.events++;
      last.fragments += fragments;
    } else this.#ranges.push({ lease, first: event, events: 1, fragments });
    this.bytes += 8 * (this.#eventColumns.length + fragments * this.#fragmentColumns.length);
  }
}

function push(column: SlotColumn, type: ElementType, value: number | bigint): void {
  if (isFloat(type)) column.pushFloat(Number(value));
  else if (typeof value === "bigint") column.pushBig(value);
  else column.pushInteger(value);
}

function checkValue(name: string, type: ElementType, value: number | bigint | undefined): void {
  if (isFloat(type) ? typeof value === "number" || typeof value === "bigint" : fits(type, value))
    return;
  const what = `${String(value)} for the column ${name}`;
  throw fault("analysis-result", { what, reason: `that column is ${type}` });
}

/** What a column of integers holds; as doubles, what of it they keep apart: beyond ±2^53 integers come as BigInt. */
const LIMITS = new Map(
  ELEMENT_TYPES.filter((type) => !isFloat(type)).map((type) => {
    const bits = BigInt(8 * elementBytes(type));
    const [low, high] = isUnsigned(type)
      ? [0n, 2n ** bits - 1n]
      : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
    const [lowest, highest] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const safe = [Math.max(lowest, Number(low)), Math.min(highest, Number(high))] as const;
    return [type, { low, high, safe }];
  }),
);

function fits(type: ElementType, value: unknown): boolean {
  const { low, high, safe } = LIMITS.get(type)!;
  if (typeof value === "number")
    return Number.isInteger(value) && value >= safe[0] && value <= safe[1];
  return typeof value === "bigint" && value >= low && value <= high;
}

function checkUndeclared(
  values: Readonly<Record<string, unknown>> | undefined,
  columns: readonly ColumnSchema[],
): void {
  for (const name in values)
    if (!columns.some((column) => column.name === name))
      throw fault("analysis-result", {
        what: `the column ${name}`,
        reason: "it declares none of this name",
      });
}

function joined(columns: readonly SlotColumn[]): BigUint64Array {
  const all = new BigUint64Array(columns.reduce((sum, column) => sum + column.length, 0));
  let at = 0;
  for (const column of columns) {
    const length = column.length;
    column.takeInto(all, at);
    at += length;
  }
  return all;
}
