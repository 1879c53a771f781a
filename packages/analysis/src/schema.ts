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
const COLUMNS_MAX = 1000;
/** 16 Mi bins are 128 MiB in each client and in the coordinator. */
const TOTAL_LENGTH_MAX = 2 ** 24;
/** Names that results.h5 uses itself. */
const TAKEN = ["event", "source", "row", "time"];

/** @throws EvbError "analysis-bad-shape" */
export function schemaOf(analysis: string, work: Work): ResultSchema {
  const bad = (reason: string): Error => fault("analysis-bad-shape", { analysis, reason });
  const columns = (
    declared: Readonly<Record<string, string>> = {},
    data: boolean,
  ): ColumnSchema[] =>
    Object.entries(declared).map(([name, type]) => {
      checkName(name, bad);
      const known = asElementType(type) ?? (data && type === "data" ? "data" : undefined);
      if (known === undefined) throw bad(`its column ${name} has the unknown type ${type}`);
      return { name, type: known };
    });
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
  if (Math.max(schema.eventColumns.length, schema.fragmentColumns.length) > COLUMNS_MAX)
    throw bad(`it has more than ${String(COLUMNS_MAX)} columns`);
  return schema;
}

function checkName(name: string, bad: (reason: string) => Error): void {
  if (!NAME.test(name)) throw bad(`${name} is no name for a column or a total`);
  if (TAKEN.includes(name)) throw bad(`${name} is a name that results.h5 uses itself`);
}
