import jsep from "jsep";
import { fault } from "./faults.ts";

/** Values of one label, row-aligned with the label table's time stamps. */
export type LabelColumn = ArrayLike<string> | ArrayLike<number> | ArrayLike<bigint>;
type Value = string | number | bigint | boolean;
type Evaluate = (row: number) => Value;

jsep.addBinaryOp("and", 2);
jsep.addBinaryOp("or", 1);
jsep.addUnaryOp("not");

/** Longer texts are no selection that somebody typed; the parser recurses once per bracket. */
const TEXT_LENGTH_MAX = 2000;

/** A boolean expression over labels, such as `smalldata == "red" && diode > 0.5`. */
export class Selection {
  readonly text: string;
  readonly #tree: jsep.Expression;

  /** @throws EvbError "selection-not-understood" */
  constructor(text: string) {
    this.text = text;
    this.#tree = parse(text);
  }

  /** The label names it uses, each once. */
  get labels(): string[] {
    return [...new Set(namesIn(this.#tree))];
  }

  /**
   * Rows of the label table for which the expression is true, ascending.
   *
   * @param columns every label of the run, each shape (rows)
   * @throws EvbError "selection-unknown-label"
   */
  rows(columns: ReadonlyMap<string, LabelColumn>, rows: number): Uint32Array {
    for (const label of this.labels)
      if (!columns.has(label))
        throw fault("selection-unknown-label", {
          text: this.text,
          label,
          known: [...columns.keys()],
        });
    const evaluate = this.#compile(this.#tree, columns);
    const selected = new Uint32Array(rows);
    let count = 0;
    for (let row = 0; row < rows; row++) if (evaluate(row) === true) selected[count++] = row;
    return selected.slice(0, count);
  }

  #compile(node: jsep.Expression, columns: ReadonlyMap<string, LabelColumn>): Evaluate {
    if (isLiteral(node)) {
      const value = exactValue(node);
      return () => value;
    }
    if (isName(node)) {
      const column = columns.get(node.name)!;
      return (row) => column[row]!;
    }
    if (isUnary(node)) {
      const inner = this.#compile(node.argument, columns);
      return node.operator === "-" ? (row) => minus(inner(row)) : (row) => inner(row) !== true;
    }
    const { operator, left, right } = node as jsep.BinaryExpression;
    const [a, b] = [this.#compile(left, columns), this.#compile(right, columns)];
    switch (operator) {
      case "&&":
      case "and":
        return (row) => a(row) === true && b(row) === true;
      case "||":
      case "or":
        return (row) => a(row) === true || b(row) === true;
      case "==":
        return (row) => equal(a(row), b(row));
      case "!=":
        return (row) => !equal(a(row), b(row));
      case "<":
        return (row) => a(row) < b(row);
      case "<=":
        return (row) => a(row) <= b(row);
      case ">":
        return (row) => a(row) > b(row);
      default:
        return (row) => a(row) >= b(row);
    }
  }
}

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "and", "or"];

function parse(text: string): jsep.Expression {
  if (text.length > TEXT_LENGTH_MAX) throw refused(text.slice(0, 40), "it is too long");
  let tree: jsep.Expression;
  try {
    tree = jsep(text);
  } catch (thrown) {
    throw refused(text, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  checkNode(text, tree, true);
  return tree;
}

function checkNode(text: string, node: jsep.Expression, wantsTruth: boolean): void {
  if (isBinary(node)) {
    if (!COMPARISONS.includes(node.operator))
      throw refused(text, `${node.operator} is no comparison`);
    // 1 < x < 3 would compare true with 3, and select every row.
    if (!wantsTruth) throw refused(text, "it compares a comparison; join two of them by &&");
    const combines = ["&&", "||", "and", "or"].includes(node.operator);
    checkNode(text, node.left, combines);
    checkNode(text, node.right, combines);
    return;
  }
  if (wantsTruth && isUnary(node) && ["!", "not"].includes(node.operator)) {
    checkNode(text, node.argument, true);
    return;
  }
  if (wantsTruth) throw refused(text, "it compares nothing");
  if (isUnary(node) && node.operator === "-" && isLiteral(node.argument)) return;
  if (!isLiteral(node) && !isName(node))
    throw refused(text, "it may hold label names, numbers, quoted words, comparisons, && || and !");
}

function namesIn(node: jsep.Expression): string[] {
  if (isName(node)) return [node.name];
  if (isUnary(node)) return namesIn(node.argument);
  if (isBinary(node)) return [...namesIn(node.left), ...namesIn(node.right)];
  return [];
}

/** Whole numbers beyond 2^53 stay what was typed: a label may be a 64 bit count. */
function exactValue({ value, raw }: Literal): Value {
  return typeof value === "number" && /^\d+$/.test(raw) && !Number.isSafeInteger(value)
    ? BigInt(raw)
    : value;
}

const minus = (value: Value): Value => (typeof value === "bigint" ? -value : -Number(value));

/** A number and an unsigned 64 bit label are equal if their values are. */
function equal(a: Value, b: Value): boolean {
  if (typeof a === "bigint" && typeof b === "number") return Number.isInteger(b) && a === BigInt(b);
  if (typeof a === "number" && typeof b === "bigint") return equal(b, a);
  return a === b;
}

function refused(text: string, reason: string, cause?: unknown): Error {
  return fault("selection-not-understood", { text, reason }, { cause });
}

type Literal = jsep.Literal & { value: Value };

const isLiteral = (node: jsep.Expression): node is Literal => node.type === "Literal";
const isName = (node: jsep.Expression): node is jsep.Identifier => node.type === "Identifier";
const isUnary = (node: jsep.Expression): node is jsep.UnaryExpression =>
  node.type === "UnaryExpression";
const isBinary = (node: jsep.Expression): node is jsep.BinaryExpression =>
  node.type === "BinaryExpression";
