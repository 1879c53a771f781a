import { readFileSync } from "node:fs";
import { sentenceOf } from "@evb/event";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from "yaml";
import { fault } from "./faults.ts";
import { schemaProblems } from "./schema-problems.ts";

/** A place in a job file: keys, and numbers of list items. */
export type JobPath = readonly (string | number)[];

/** A job file that fits the schema, with its lines. */
export class JobDocument {
  readonly path: string;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @throws EvbError "job-unreadable", "bad-job" */
  constructor(path: string) {
    this.path = path;
    this.#document = parseDocument(readText(path), { lineCounter: this.#lines, merge: false });
    const [error] = this.#document.errors;
    if (error !== undefined) throw this.#refused([this.#syntaxProblem(error)]);
    const problems = schemaProblems(this.#document.toJS()).map(({ at, isKey, reason }) => ({
      line: this.lineOf(at, { isKey }),
      reason,
    }));
    problems.sort((a, b) => a.line - b.line);
    if (problems.length > 0) throw this.#refused([...new Set(problems.map(atLine))]);
  }

  /** Keys of the map at a place, in the file's order; none where there is no map. */
  keysAt(at: JobPath): string[] {
    const map = this.#nodeAt(at);
    return isMap(map) ? map.items.map(({ key }) => String(isScalar(key) ? key.value : key)) : [];
  }

  /** How many items the list at a place has; 0 where there is none. */
  lengthAt(at: JobPath): number {
    const list = this.#nodeAt(at);
    return isSeq(list) ? list.items.length : 0;
  }

  /** One text, or those of a list, as they were typed: 64-bit ticks stay exact, and `1MB` is no number. */
  textsAt(at: JobPath): string[] {
    const node = this.#nodeAt(at);
    if (isSeq(node)) return node.items.flatMap((_, i) => this.textsAt([...at, i]));
    if (!isScalar(node)) return [];
    return [typeof node.value === "string" ? node.value : (node.source ?? String(node.value))];
  }

  isTrueAt(at: JobPath): boolean {
    const node = this.#nodeAt(at);
    return isScalar(node) && node.value === true;
  }

  /** Counted from 1. */
  lineOf(at: JobPath, { isKey }: { readonly isKey: boolean }): number {
    const parent = this.#nodeAt(at.slice(0, -1));
    const last = at.at(-1);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === last)
      : undefined;
    const node = isKey && pair !== undefined ? pair.key : (this.#nodeAt(at) ?? parent);
    const range = (node as Node | undefined)?.range ?? (pair?.key as Node | undefined)?.range;
    return this.#lines.linePos(range?.[0] ?? 0).line;
  }

  /** @param at what the problem is of */
  problem(at: JobPath, reason: string): Error {
    return this.#refused([atLine({ line: this.lineOf(at, { isKey: true }), reason })]);
  }

  #nodeAt(at: JobPath): unknown {
    let node: unknown = this.#document.contents;
    for (const step of at) {
      node = this.#resolved(node);
      if (!isMap(node) && !isSeq(node)) return undefined;
      node = node.get(step, true);
    }
    return this.#resolved(node);
  }

  #resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(this.#document) : node);

  #syntaxProblem(error: { readonly message: string; readonly pos: [number, number] }): string {
    const { line } = this.#lines.linePos(error.pos[0]);
    const [reason = ""] = error.message.split(/ at line \d+|\n/);
    return atLine({ line, reason: reason.charAt(0).toLowerCase() + reason.slice(1) });
  }

  #refused(problems: readonly string[]): Error {
    return fault("bad-job", { path: this.path, problems });
  }
}

const atLine = ({ line, reason }: { line: number; reason: string }): string =>
  `line ${String(line)}: ${reason}`;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw fault("job-unreadable", { path, reason: sentenceOf(thrown) }, { cause: thrown });
  }
}
