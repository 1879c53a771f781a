import type { Elements } from "@evb/event";
import type { Fragment, SourceInfo } from "./analysis.ts";

/** A fragment over memory that is used again; its methods stand on the prototype, so they cost an event nothing. */
export class EventFragment<Data extends Elements = Elements> implements Fragment<Data> {
  readonly source: SourceInfo;
  readonly row: number;
  readonly data: Data;

  constructor(source: SourceInfo, row: number, data: Data) {
    this.source = source;
    this.row = row;
    this.data = data;
  }

  keep(): Data {
    // The copy has memory of its own, also where the data lie in memory that threads share.
    return this.data.slice() as Data;
  }
}
