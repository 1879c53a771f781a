import type { ExitCode } from "@evb/event";
import type { DataPlace } from "@evb/index";
import type { Welcome } from "../wire/join.ts";
import type { ClientTimes } from "../wire/result-message.ts";
import type { ReadingOrder } from "./reading-order.ts";

/** What a thread is started with. */
export interface ThreadStart {
  /** See bench-words.ts. */
  readonly words: Uint32Array;
  /** What its order will be, where that is known before. */
  readonly kind: "rebuild" | "extract" | undefined;
}

/** What a thread needs before its first event. */
export interface BenchOrder {
  readonly welcome: Welcome;
  readonly places: readonly DataPlace[];
  /** What threads before this one have spent. */
  readonly before: ClientTimes;
  /** Where a run that is rebuilt lies on this host; undefined: nothing is written. */
  readonly out: string | undefined;
  readonly reading: ReadingOrder;
}

/** From the thread of the sockets to the one that works. */
export type ToBench =
  /** The first of all. */
  | { readonly kind: "open"; readonly order: BenchOrder }
  /** A LEASE as it came. */
  | { readonly kind: "leases"; readonly frame: Uint8Array; readonly double: boolean }
  /**
   * Events from this place on are somebody else's; what is done goes into an epoch of its own. With `settle` it is
   * said when that has gone.
   */
  | { readonly kind: "cut"; readonly place: number; readonly settle: boolean }
  /** Finish the event, send what is done. */
  | { readonly kind: "end" };

/** The other way. */
export type FromBench =
  | { readonly kind: "ready"; readonly schema: Uint8Array<ArrayBuffer> }
  /** A RESULT or an EPOCH, not addressed yet. */
  | {
      readonly kind: "message";
      readonly frames: readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]];
      /** Events of a RESULT. */
      readonly events: number;
      readonly times: ClientTimes;
    }
  /** After "cut": the totals of all that was done before are sent. */
  | { readonly kind: "settled" }
  /** After "end": nothing more will come. */
  | { readonly kind: "ended" }
  | {
      readonly kind: "failed";
      readonly tag: string;
      readonly message: string;
      readonly exitCode: ExitCode | undefined;
    };
