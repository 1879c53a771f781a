import type { Range } from "./coordinator/range-set.ts";
import { fault } from "./faults.ts";

/**
 * Events `first` to `end − 1` that `--events A:B` asks for; undefined: all.
 *
 * @throws EvbError "events-range"
 */
export function eventRange(text: string | undefined, events: number): Range {
  if (text === undefined) return { first: 0, end: events };
  const parts = /^(\d*):(\d*)$/.exec(text);
  const [first, end] = [Number(parts?.[1] ?? 0), parts?.[2] ? Number(parts[2]) : events];
  if (parts === null || first >= end || end > events) throw fault("events-range", { text, events });
  return { first, end };
}
