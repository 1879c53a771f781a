import { Packr } from "msgpackr";
import { fault } from "../faults.ts";
import { checkMsgpack } from "./msgpack-check.ts";

/** Records inline, so that both sides need no common state (a shared `structures` array doesn't work over a wire). */
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: "bigint" });

export function encodeValue(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack(value));
}

/** @throws EvbError "frame-bad" where the bytes are no value, or more than `bytesMax` */
export function decodeValue(what: string, bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.byteLength > bytesMax)
    throw fault("frame-bad", { what, reason: `it has ${String(bytes.byteLength)} bytes` });
  checkMsgpack(what, bytes);
  try {
    return packr.unpack(bytes);
  } catch (thrown) {
    throw fault("frame-bad", { what, reason: "it is no msgpack" }, { cause: thrown });
  }
}

/** Checks values of unknown shape, field by field; each says what it found wrong. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #what: string;

  constructor(what: string, value: unknown) {
    this.#what = what;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.#bad("it is no map");
    this.#fields = value as Record<string, unknown>;
  }

  text(name: string, lengthMax = 4096): string {
    const value = this.#fields[name];
    if (typeof value !== "string" || value.length > lengthMax)
      throw this.#bad(`${name} is no short text`);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#fields[name] == null ? undefined : this.text(name);
  }

  optionalInteger(name: string): number | undefined {
    return this.#fields[name] == null ? undefined : this.integer(name);
  }

  integer(name: string, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max)
      throw this.#bad(`${name} is no number from 0 to ${String(max)}`);
    return value;
  }

  /** What isn't there is false. */
  flag(name: string): boolean {
    const value = this.#fields[name];
    if (value != null && typeof value !== "boolean")
      throw this.#bad(`${name} is neither true nor false`);
    return value === true;
  }

  list<Item>(name: string, lengthMax: number, item: (value: unknown) => Item): Item[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > lengthMax)
      throw this.#bad(`${name} is no short list`);
    return value.map((each: unknown) => item(each));
  }

  texts(name: string): Record<string, string> {
    const value = this.#fields[name];
    const inner = new Fields(`${this.#what}'s ${name}`, value);
    return Object.fromEntries(Object.keys(value as object).map((key) => [key, inner.text(key)]));
  }

  #bad(reason: string): Error {
    return fault("frame-bad", { what: this.#what, reason });
  }
}
