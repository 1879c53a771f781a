import type { Analysis } from "../analysis.ts";
import { none } from "./none.ts";
import { read } from "./read.ts";
import { stats } from "./stats.ts";
import { wait } from "./wait.ts";

export const BUILT_IN_NAMES = ["read", "stats", "wait", "none"] as const;
export type BuiltInName = (typeof BUILT_IN_NAMES)[number];

const BUILT_IN = { read, stats, wait, none } as const;

/** The analysis of this name, or undefined where there is none. */
export function builtInAnalysis(name: string): Analysis | undefined {
  const known = BUILT_IN_NAMES.find((each) => each === name);
  return known === undefined ? undefined : BUILT_IN[known];
}
