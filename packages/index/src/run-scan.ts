import type { Disorder, ElementType, Match, MatchRows } from "@evb/event";
import type { SourceStorage } from "./direct-storage.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { LabelTable } from "./scan.ts";
import type { StoredType } from "./stored-type.ts";

/** One input file. */
export interface ScannedFile {
  /** Absolute. */
  readonly path: string;
  readonly fingerprint: Fingerprint;
}

/** One source of a run, and what the scan found of it. */
export interface ScannedSource {
  readonly name: string;
  readonly file: ScannedFile;
  /** The one that has its payload: another one behind an external link. */
  readonly payloadFile: ScannedFile;
  /** Data sets of the time stamps and of the fragments; empty where they are ring items. */
  readonly time: string;
  readonly payload: string;
  readonly type: ElementType;
  /** As the index has it: what `type` is in the file. */
  readonly storedType: StoredType;
  /** Dimensions of one fragment; none where its length varies. */
  readonly itemShape: readonly number[];
  /** Rows are sequences of numbers, each with a length of its own. */
  readonly varies: boolean;
  /** Shape (rows), u64 ticks in file order. */
  readonly times: BigUint64Array;
  readonly disorder: Disorder;
  readonly storage: SourceStorage;
}

/** One source of an index. */
export interface IndexedSource extends ScannedSource {
  /** Number of its first row among the rows of all sources. */
  readonly fragmentFirst: number;
}

/** The events, and how they were found, as attributes of the index. */
export interface FoundEvents {
  readonly match: Match;
  readonly matched: Readonly<Record<string, string>>;
}

/** Events that somebody found before: nothing is left but to choose among them. */
export interface KnownEvents {
  /**
   * @param wanted shape (n), the selected stamps in any order; undefined: every event
   * @param needed how many of these sources an event must have
   */
  of(
    sources: readonly IndexedSource[],
    wanted: BigUint64Array | undefined,
    needed: number,
  ): FoundEvents;
}

/** What one reading of a run's files gave; payloads are not touched. */
export interface RunScan {
  /** What the index calls its layout. */
  readonly layout: string;
  /** Absolute: the deepest folder that holds all files. */
  readonly root: string;
  /** In the order that an event's fragments get. */
  readonly sources: readonly ScannedSource[];
  readonly labels: LabelTable | undefined;
  /** Undefined: events are yet to be found, by stamps. */
  readonly known: KnownEvents | undefined;
  /** What a tick of its time stamps is; undefined where nobody says. */
  readonly tick: "ns" | undefined;
  /** What is selected where nothing is said; undefined: every event. */
  readonly defaultSelection: string | undefined;
  /** How the files were read, by attribute of the index. */
  readonly options: Readonly<Record<string, string>>;
  /** What isn't as it should be, a sentence each; undefined where nobody looks. */
  readonly warnings: readonly string[] | undefined;
  /** The files that these sources take, each once. */
  filesOf(sources: readonly ScannedSource[]): ScannedFile[];
  /** The fragments of these sources, in time order. */
  rowsOf(sources: readonly IndexedSource[]): MatchRows;
}
