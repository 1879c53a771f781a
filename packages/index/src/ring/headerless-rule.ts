import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { sentenceOf } from "@evb/event";
import { ITEM_TYPE } from "@evb/formats";
import { fault } from "../faults.ts";
import { namePattern } from "../name-pattern.ts";

/** An item without body header, as rules see it. */
interface HeaderlessItem {
  readonly type: number;
  /** Path of its file. */
  readonly path: string;
  /** Which headerless item of its type in its run it is, from 1. */
  readonly position: number;
  readonly originalSource: number | undefined;
}

/** Says which source an item is of; undefined where it doesn't say. */
export type HeaderlessRule = (item: HeaderlessItem) => number | undefined;

const WANTED =
  "ID, TYPE=ID, position:K=ID, file:GLOB=ID, original:ID=ID, or @FILE with one of these a line";
const ID_MAX = 2 ** 32 - 1;

/**
 * Rules as typed behind --headerless; the first one that says something about an item holds.
 *
 * @throws EvbError "bad-headerless-rule", "input-unreadable"
 */
export function parseHeaderlessRules(texts: readonly string[]): HeaderlessRule[] {
  return headerlessRuleTexts(texts).map(parseRule);
}

/** The same rules, those in files one by one. @throws EvbError "input-unreadable" */
export const headerlessRuleTexts = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => (text.startsWith("@") ? linesOf(text.slice(1)) : [text]));

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "");
  } catch (thrown) {
    throw fault("input-unreadable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}

function parseRule(text: string): HeaderlessRule {
  const [, condition, id] = /^(?:(.+)=)?(\d+)$/.exec(text.trim()) ?? [];
  const source = Number(id);
  if (id === undefined || source > ID_MAX) throw bad(text);
  if (condition === undefined) return () => source;
  const holds = conditionOf(condition, text);
  return (item) => (holds(item) ? source : undefined);
}

function conditionOf(condition: string, text: string): (item: HeaderlessItem) => boolean {
  const [, what, value] = /^(position|file|original):(.+)$/.exec(condition) ?? [];
  if (what === "file") {
    const matches = namePattern(value!);
    return ({ path }) => matches(path) || matches(basename(path));
  }
  if (what === "position" || what === "original") {
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0) throw bad(text);
    return what === "position"
      ? ({ position }) => position === number
      : ({ originalSource }) => originalSource === number;
  }
  const type = /^\d+$/.test(condition)
    ? Number(condition)
    : (ITEM_TYPE as Partial<Record<string, number>>)[condition];
  if (type === undefined) throw bad(text);
  return (item) => item.type === type;
}

const bad = (text: string): Error => fault("bad-headerless-rule", { text, wanted: WANTED });
