import { isFloat, type ElementType } from "@evb/event";
import { Totals, type ResultSchema } from "@evb/analysis";
import { encodeEpoch } from "./epoch-message.ts";
import { encodeFailures, FAILURE_LENGTH_MAX } from "./join.ts";
import { encodeResults, NO_TIMES, type ClientTimes } from "./result-message.ts";

/** An event that nobody could finish. */
export interface FailedEvent {
  readonly event: number;
  readonly fragments: number;
  /** Element type of each fragment's source. */
  readonly types: readonly ElementType[];
  readonly reason: string;
  /** Undefined: of no lease. */
  readonly lease?: number;
  readonly times?: ClientTimes;
}

const NAN_BITS = new BigUint64Array(new Float64Array([NaN]).buffer)[0]!;

/** What stands in a column for an event that failed: 0, or not a number. */
const failedSlot = (type: ElementType): bigint => (isFloat(type) ? NAN_BITS : 0n);

/** The messages of one failed event, not addressed yet: its columns, why it failed, and totals of nothing. */
export function failedEvent(
  schema: ResultSchema,
  { event, fragments, types, reason, lease = 0, times = NO_TIMES }: FailedEvent,
): Record<"results" | "failures" | "epoch", Uint8Array<ArrayBuffer>> {
  const header = { sid: 0, session: 0, seq: 0, ack: 0 };
  const eventSlots = schema.eventColumns.map(({ type }) => failedSlot(type as ElementType));
  const fragmentSlots = schema.fragmentColumns.flatMap(({ type }) =>
    types.map((source) => failedSlot(type === "data" ? source : type)),
  );
  return {
    results: encodeResults(header, {
      ranges: [{ lease, first: event, events: 1, fragments }],
      times,
      eventSlots: BigUint64Array.from(eventSlots),
      fragmentSlots: BigUint64Array.from(fragmentSlots),
    }),
    failures: encodeFailures([{ event, reason: reason.slice(0, FAILURE_LENGTH_MAX) }]),
    epoch: encodeEpoch(header, {
      ranges: [{ first: event, events: 1 }],
      totals: new Totals(schema.totals),
    }),
  };
}
