import type { ExitCode } from "@evb/event";
import type { DataPlace } from "@evb/index";
import type { CoordinatorEvents } from "./coordinator/coordinator-order.ts";
import type { OutFolder } from "./out-folder.ts";
import type { RunReport } from "./sink/report.ts";
import type { AnalysisOrder } from "./wire/join.ts";

/** What `evb run` and `coordinator` are asked to do. */
export interface RunOrder {
  readonly indexPath: string;
  readonly out: string;
  readonly force: boolean;
  /** Goes on with the run in OUT, if there is one. */
  readonly resume: boolean;
  readonly places: readonly DataPlace[];
  readonly analysis: AnalysisOrder;
  /** A glob over source names: only their fragments are read. */
  readonly sources: string | undefined;
  /** `A:B`, or undefined for all. */
  readonly events: string | undefined;
  readonly batchCap: number;
  /** The clock starts when so many clients are there; asked anew each time. */
  readonly clientsAwaited: () => number;
  /** Whether clients outlive their coordinator, and come to the one that goes on. */
  readonly clientsReturn: boolean;
  readonly clientTimeoutMs: number;
  /** An event that takes longer fails; undefined: none does. */
  readonly eventTimeoutMs: number | undefined;
  readonly strict: boolean;
  /** Where to write what the coordinator does; undefined: nowhere. */
  readonly tracePath: string | undefined;
  /** The last lines that a client said which was lost, for the report; undefined: nobody keeps them. */
  readonly lastWords?: (client: { readonly host: string; readonly pid: number }) => string[];
  readonly evbVersion: string;
}

/** What whoever runs a coordinator hears of it. */
export interface RunWatcher extends CoordinatorEvents {
  /** Clients may come; not called where nothing is left to do for them. */
  listening(where: { readonly connectionPath: string | undefined; readonly run: string }): void;
}

export interface RunResult {
  readonly report: RunReport;
  readonly out: OutFolder;
  /** 0, or what the process should end with. */
  readonly exitCode: 0 | ExitCode;
  /** Why it ended before its end, or that events failed. */
  readonly problem: string | undefined;
}
