import { asElementType, type ElementType } from "@evb/event";
import type { Work } from "./analysis.ts";
import { fault } from "./faults.ts";

/** What an analysis returns and totals, in the order in which the values travel. */
export interface ResultSchema {
  readonly eventColumns: readonly ColumnSchema[];
  readonly fragmentColumns: readonly ColumnSchema[];
  readonly totals: readonly TotalSchema[];
}

export interface ColumnSchema {
  readonly name: string;
  /** "data": the type of each fragment's source. */
  readonly type: ElementType | "data";
}

export interface TotalSchema {
  readonly name: string;
  readonly type: "i8" | "u8" | "f8";
  readonly length: number;
}

/** A name is a link in results.h5 and a column in people's heads. */
const NAME = /^[A-Za-z_][\w.-]{0,63}$/;
export const COLUMNS_MAX = 1000;
/** 16 Mi bins, of all totals together, are 128 MiB in each client, in the coordinator, and in a message. */
export const TOTAL_LENGTH_MAX = 2 ** 24;
/** Names that results.h5 uses itself. */
const TAKEN = ["event", "source", "row", "time"];

/** @throws EvbError "analysis-bad-shape" */
export function schemaOf(analysis: string, work: Work): ResultSchema {
  const bad = (reason: string): Error => fault("analysis-bad-shape", { analysis, reason });
  const columns = (
    declared: Readonly<Record<string, string>> | undefined,
    data: boolean,
  ): ColumnSchema[] =>
    Object.entries(declared ?? {}).map(([name, type]) => {
      checkName(name, bad);
      const known = asElementType(type) ?? (data && type === "data" ? "data" : undefined);
      if (known === undefined) throw bad(`its column ${name} has the unknown type ${type}`);
      return { name, type: known };
    });
  // A module in JavaScript may return anything.
  const given: unknown = work;
  if (typeof given !== "object" || given === null || !("event" in given))
    throw bad("its setup() returned no object with an event()");
  if (typeof given.event !== "function") throw bad("its event is no function");
  const schema = {
    eventColumns: columns(work.eventColumns, false),
    fragmentColumns: columns(work.fragmentColumns, true),
    totals: Object.entries(work.totals ?? {}).map(([name, { type, length = 1 }]) => {
      checkName(name, bad);
      if (!["i8", "u8", "f8"].includes(type))
        throw bad(`its total ${name} has the unknown type ${type}`);
      if (!Number.isInteger(length) || length < 1 || length > TOTAL_LENGTH_MAX)
        throw bad(`its total ${name} has ${String(length)} bins`);
      if (length > 1 && type !== "f8") throw bad(`its total ${name} has bins and must be f8`);
      return { name, type, length };
    }),
  };
  for (const [what, list] of Object.entries(schema))
    if (list.length > COLUMNS_MAX)
      throw bad(`it has ${String(list.length)} ${what}, and ${String(COLUMNS_MAX)} are the most`);
  const bins = schema.totals.reduce((sum, { length }) => sum + length, 0);
  if (bins > TOTAL_LENGTH_MAX)
    throw bad(`its totals have ${String(bins)} bins, and ${String(TOTAL_LENGTH_MAX)} are the most`);
  return schema;
}

function checkName(name: string, bad: (reason: string) => Error): void {
  if (!NAME.test(name)) throw bad(`${name} is no name for a column or a total`);
  if (TAKEN.includes(name)) throw bad(`${name} is a name that results.h5 uses itself`);
}
