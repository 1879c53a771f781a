import { fault } from "./faults.ts";

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `250kB`, `1MB`, `10GB`, `1GiB` → bytes. @throws EvbError "bad-option" */
export function parseSize(option: string, text: string): number {
  return bytesOf(text) ?? bad(option, text, "a size such as 250kB, 1MB, 10GB or 1GiB");
}

/** `5GB/s` or `5GB` → bytes in a second. @throws EvbError "bad-option" */
export function parseRate(option: string, text: string): number {
  return (
    bytesOf(text.replace(/\s*\/s$/, "")) ?? bad(option, text, "a rate such as 500MB/s or 5GB/s")
  );
}

function bad(option: string, text: string, wanted: string): never {
  throw fault("bad-option", { option, text, wanted });
}

function bytesOf(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const scale = SIZE_UNITS[unit?.toLowerCase() ?? "?"];
  const bytes = Math.round(Number(number) * (scale ?? NaN));
  return Number.isSafeInteger(bytes) && bytes >= 1 ? bytes : undefined;
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  "": 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};
/** Timers of Node hold no more. */
const DURATION_MS_MAX = 2 ** 31 - 1;

/** `500ms`, `60s`, `5m`, `2h` → milliseconds; a bare number is seconds. @throws EvbError "bad-option" */
export function parseDuration(option: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const ms = Number(number) * (TIME_UNITS[unit?.toLowerCase() ?? "?"] ?? NaN);
  if (!(ms >= 0 && ms <= DURATION_MS_MAX))
    throw fault("bad-option", { option, text, wanted: "a time such as 500ms, 60s, 5m or 2h" });
  return ms;
}

/** How long a measurement may be, in seconds. */
const SECONDS = { min: 0.05, max: 600 };

/** @throws EvbError "bad-option" */
export function parseSeconds(option: string, text: string): number {
  const seconds = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= SECONDS.min && seconds <= SECONDS.max))
    throw fault("bad-option", {
      option,
      text,
      wanted: `seconds from ${String(SECONDS.min)} to ${String(SECONDS.max)}`,
    });
  return seconds;
}

/** A whole number in a range. @throws EvbError "bad-option" */
export function parseCount(
  option: string,
  value: unknown,
  range: { min: number; max: number },
): number {
  const { min, max } = range;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : NaN;
  if (!Number.isInteger(number) || number < min || number > max)
    throw fault("bad-option", {
      option,
      text: String(value),
      wanted: `a whole number from ${String(min)} to ${String(max)}`,
    });
  return number;
}

/** `none` or `gzip:4` → zlib's level. @throws EvbError "bad-option" */
export function parseCompression(text: string): number | undefined {
  if (text === "none") return undefined;
  const level = /^gzip:([1-9])$/.exec(text)?.[1];
  return level === undefined ? bad("compression", text, "none or gzip:1 to gzip:9") : Number(level);
}

/** A share from 0 to 1. @throws EvbError "bad-option" */
export function parseShare(option: string, text: string): number {
  const share = text.trim() === "" ? NaN : Number(text);
  if (!(share >= 0 && share <= 1))
    throw fault("bad-option", { option, text, wanted: "a share from 0 to 1" });
  return share;
}

/** `40000-40100`. @throws EvbError "bad-option" */
export function parsePorts(text: string): { low: number; high: number } {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const [low, high] = [Number(first), Number(last)];
  if (!(low >= 1 && low <= high && high <= 65_535))
    throw fault("bad-option", {
      option: "ports",
      text,
      wanted: "a range of ports such as 40000-40100",
    });
  return { low, high };
}

/** `HOST` or `HOST:PORT`; an IPv6 address in brackets. @throws EvbError "bad-option" */
export function parseListen(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[^\]]+\]|[^:\s]+)(?::(\d+))?$/.exec(text) ?? [];
  const number = Number(port ?? 0);
  if (host === undefined || number > 65_535)
    throw fault("bad-option", { option: "listen", text, wanted: "HOST or HOST:PORT" });
  return { host, port: number };
}

/** `name=value` pairs. @throws EvbError "bad-option" */
export function parseSettings(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw fault("bad-option", { option: "set", text, wanted: "name=value" });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
