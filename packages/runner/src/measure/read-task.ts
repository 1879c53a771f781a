import type { RowSample } from "./row-sample.ts";

/** A piece of a file that is read at random places. */
export interface Stretch {
  readonly path: string;
  /** From its beginning on. */
  readonly bytes: number;
}

/** What a reader is to have open. */
export interface ReaderFiles {
  readonly stretches: readonly Stretch[];
  readonly sample: RowSample | undefined;
}

/** One thing that a reader does. */
export type ReadTask =
  | {
      readonly kind: "random";
      readonly bytes: number;
      /** Asynchronous reads at a time; 0: one synchronous read after the other. */
      readonly inFlight: number;
      /** Whether places come again once all were read. */
      readonly again: boolean;
      readonly seed: number;
    }
  /** Each stretch from its beginning, side by side, once. */
  | { readonly kind: "stretches" }
  /** The sample's rows: as ranges of bytes, or through evb's reader. `again`: from the first one on, when all are read. */
  | { readonly kind: "ranges" | "rows"; readonly again: boolean };

/** What is told to a reader; each word has one answer. */
export type ToReader =
  | { readonly kind: "open"; readonly files: ReaderFiles }
  /** Whatever takes time and isn't reading. */
  | { readonly kind: "prepare"; readonly task: ReadTask }
  /** Does it, from one time to the other of the clock that all processes share. */
  | { readonly kind: "read"; readonly beginMs: number; readonly endMs: number };

/** What a reader did. */
export interface Done {
  /** Of files, but of `rows`: decoded. */
  readonly bytes: number;
  /** Reads; of `ranges` and `rows`: rows. */
  readonly count: number;
  readonly endMs: number;
  readonly decodeSeconds: number;
  /** What the system took from a disk for it; undefined where it doesn't say. */
  readonly diskBytes: number | undefined;
}

export type FromReader =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly done: Done }
  | { readonly kind: "failed"; readonly reason: string };

/** Milliseconds of a clock that all processes of a host share. */
export const sharedNowMs = (): number => performance.now() + OFFSET_MS;

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
