import type { Elements, ElementType } from "@evb/event";

/** A value of `--set name=value`; the type is that of the option's default. */
export type OptionValue = number | string | boolean;

/** What an analysis can be set to. */
export interface OptionDeclaration {
  readonly default: OptionValue;
  /** One line for people. */
  readonly help?: string;
}

type OptionValues<Options extends Readonly<Record<string, OptionDeclaration>>> = {
  readonly [Name in keyof Options]: Widened<Options[Name]["default"]>;
};

/** `1` declares a number, not the number 1. */
type Widened<Value extends OptionValue> = OptionValue extends Value
  ? OptionValue
  : Value extends number
    ? number
    : Value extends boolean
      ? boolean
      : string;

/** What a physicist writes: the default export of the module that `--analysis` names. */
export interface Analysis<
  Options extends Readonly<Record<string, OptionDeclaration>> = Readonly<
    Record<string, OptionDeclaration>
  >,
> {
  readonly options?: Options;
  /** Called once in each client, before its first event. */
  setup(setup: AnalysisSetup<OptionValues<Options>>): Work | Promise<Work>;
}

/** What an analysis may know before the first event. */
export interface AnalysisSetup<Values> {
  readonly options: Values;
  /** All sources of the index, in the order in which an event's fragments come. */
  readonly sources: readonly SourceInfo[];
  /** 1 … N: which client this is. */
  readonly rank: number;
}

export interface SourceInfo {
  readonly name: string;
  /** Element type of its fragments. */
  readonly type: ElementType;
  /** Dimensions of one fragment; {@link VARIES}: its length differs from fragment to fragment. */
  readonly shape: readonly number[];
  /** Its fragments are ring items, which have `words`. */
  readonly hasWords?: true;
}

/** The one dimension of what ring items hold, and of rows of variable length. */
export const VARIES = -1;

/** An analysis at work in one client. */
export interface Work {
  /** False: fragments need not be read, and `data` is empty. Default true. */
  readonly reads?: boolean;
  /** One value per event: column name → type. */
  readonly eventColumns?: Readonly<Record<string, ElementType>>;
  /** One value per fragment: column name → type, or "data" for the type of the fragment's source. */
  readonly fragmentColumns?: Readonly<Record<string, ElementType | "data">>;
  /** What is added up over all events. */
  readonly totals?: Readonly<Record<string, TotalDeclaration>>;
  /**
   * Called once per event. What it throws fails this event; its totals then don't count.
   *
   * @param totals what is added here counts when the call returns
   */
  event(event: AnalysisEvent, totals: TotalsOfEvent): EventResult | undefined;
}

/** Integers add exactly, whatever the order; `f8` sums of integers up to 2^53 do too. */
export interface TotalDeclaration {
  readonly type: "i8" | "u8" | "f8";
  /** Bins of a histogram, pixels of an image; f8 only. Default: a single number. */
  readonly length?: number;
}

export interface TotalsOfEvent {
  /** Adds to a total; `bin` counts from 0. */
  add(name: string, value: number | bigint, bin?: number): void;
  /** Adds a value to every bin; `values` has the total's length. */
  addAll(name: string, values: ArrayLike<number>): void;
}

/** One event, as an analysis gets it. */
export interface AnalysisEvent {
  /** Its number in the index, from 0, in time order. */
  readonly id: number;
  /** Ticks of its earliest fragment. */
  readonly time: bigint;
  /** In the order of the sources; only those that the event has. */
  readonly fragments: readonly Fragment[];
}

/** What one source recorded of an event. */
export interface Fragment<Data extends Elements = Elements> {
  readonly source: SourceInfo;
  /** Row of the source's data set; of a ring item its place among its source's fragments, in file order. */
  readonly row: number;
  /**
   * Shape (product of source.shape), C order; where that varies as many elements as this fragment has, or none. Of a ring
   * item the bytes behind its headers. Valid during the call only: the memory is used again for the next events. It may be memory that threads share.
   */
  readonly data: Data;
  /**
   * Of a ring item: the same bytes as 16-bit words, in this host's byte order whatever the file's; a last byte
   * that makes no word is left out. Valid as long as `data`. Undefined for rows of data sets.
   */
  readonly words?: Uint16Array | undefined;
  /** A copy of the data, of the same type, that is the caller's own. */
  keep(): Data;
}

/** What an analysis returns for an event. */
export interface EventResult {
  /** A value for every event column. */
  readonly columns?: Readonly<Record<string, number | bigint>>;
  /** For every fragment column an array with a value per fragment, in the event's order. */
  readonly fragments?: Readonly<Record<string, ArrayLike<number | bigint>>>;
}

/** Gives an analysis its types; returns what it got. */
export function defineAnalysis<const Options extends Readonly<Record<string, OptionDeclaration>>>(
  analysis: Analysis<Options>,
): Analysis<Options> {
  return analysis;
}
