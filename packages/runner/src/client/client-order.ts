import type { DataPlace } from "@evb/index";
import type { StartedThread } from "./bench-thread.ts";
import type { ClientLink } from "../wire/link.ts";
import type { ReadingOrder } from "./reading-order.ts";

/** What a client is asked to do. */
export interface ClientOrder extends ReadingOrder {
  /** Which run it was started for: the connection file's. */
  readonly run: string;
  readonly places: readonly DataPlace[];
  /** So long it waits for its coordinator's first answer. */
  readonly waitMs: number;
  /** So long it waits for one that was lost. */
  readonly coordinatorTimeoutMs: number;
  /** An event that takes longer fails; undefined: as the coordinator says. */
  readonly eventTimeoutMs?: number | undefined;
  /** The only analysis that it runs; undefined: the one that the coordinator names. */
  readonly analysis?: string | undefined;
  /** The only folder that it writes in, if the run is rebuilt; undefined: none. */
  readonly out?: string | undefined;
  /** A thread that was started before there was anything to do for it. */
  readonly thread?: StartedThread | undefined;
  readonly evbVersion: string;
  /** The coordinator, for messages. */
  readonly endpoint: string;
  /** Asked while the coordinator is lost: the way to it, if that is another one now. */
  readonly findAgain?: () => Promise<ClientLink | undefined>;
}
