import Ajv from "ajv";
import { JOB_KEYS, type JobKind } from "./job-keys.ts";
import { jobSchema, type Schema } from "./job-schema.ts";
import { nearestOf } from "./nearest.ts";

/** One thing that the schema doesn't allow. */
export interface SchemaProblem {
  readonly at: readonly (string | number)[];
  /** Whether the key itself is wrong, and not what stands behind it. */
  readonly isKey: boolean;
  readonly reason: string;
}

/** What of a job's content doesn't fit the schema; nothing where all does. */
export function schemaProblems(content: unknown): SchemaProblem[] {
  const ajv = new Ajv({ allErrors: true, jsonPointers: true, verbose: true });
  if (ajv.validate(jobSchema(), content) === true) return [];
  // Of if and then, only what then says is of use; and a kind is wrong once.
  const errors = (ajv.errors ?? []).filter(({ keyword }) => keyword !== "if");
  return errors.map((error) => problemOf(error, content));
}

function problemOf(error: Ajv.ErrorObject, content: unknown): SchemaProblem {
  const at = stepsOf(error.dataPath, content);
  const params = error.params as Readonly<Record<string, unknown>>;
  if (error.keyword === "additionalProperties") {
    const key = String(params["additionalProperty"]);
    const known = Object.keys((error.parentSchema as KeyedSchema).properties);
    return { at: [...at, key], isKey: true, reason: unknownKey(key, known, kindOf(content)) };
  }
  if (error.keyword === "required")
    return {
      at,
      isKey: true,
      reason: `there is no \`${String(params["missingProperty"])}\`: give ${KINDS}`,
    };
  return { at, isKey: false, reason: wrongValue(at, error) };
}

interface KeyedSchema {
  readonly properties: Readonly<Record<string, Schema>>;
}

const KINDS = "`kind: run`, `kind: order` or `kind: generate`";

/** Numbers where the step leads into a list. */
function stepsOf(pointer: string, content: unknown): (string | number)[] {
  let value = content;
  return pointer
    .split("/")
    .slice(1)
    .map((word) => {
      const name = word.replaceAll("~1", "/").replaceAll("~0", "~");
      const step = Array.isArray(value) ? Number(name) : name;
      value = (value as Readonly<Record<string | number, unknown>>)[step];
      return step;
    });
}

const kindOf = (content: unknown): JobKind => (content as { readonly kind: JobKind }).kind;

function unknownKey(key: string, known: readonly string[], kind: JobKind): string {
  const others = (Object.keys(JOB_KEYS) as JobKind[]).filter((each) => JOB_KEYS[each].has(key));
  const [other] = others;
  if (other !== undefined && other !== kind)
    return `\`${key}\` is a key of ${other} jobs, and this is a ${kind} job`;
  if (COMMAND_LINE_ONLY.has(key))
    return `\`${key}\` is no key of a job, as it is of one start only: give --${key} behind the job file`;
  const near = nearestOf(key, known);
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  return `\`${key}\` is no key of a job${hint}`;
}

const COMMAND_LINE_ONLY = new Set(["force", "resume", "json", "quiet"]);

function wrongValue(at: readonly (string | number)[], error: Ajv.ErrorObject): string {
  const [first, second] = [at.at(-1), at.at(-2)];
  const name = typeof first === "number" ? `${String(second ?? "")}[${String(first)}]` : first;
  if (name === undefined) return "a job is a map of keys, beginning with `kind: run`";
  const shown = JSON.stringify(error.data);
  const given = error.data === null ? "has no value" : `can't be ${shown}`;
  return `\`${name}\` ${given}; give ${wanted(error)}`;
}

/** In words, what the schema asks for. */
function wanted(error: Ajv.ErrorObject): string {
  const schema = error.parentSchema as Schema;
  const choices = (schema["enum"] ??
    (error.keyword === "const" ? [schema["const"]] : undefined)) as readonly unknown[] | undefined;
  if (choices !== undefined) return listed([...new Set(choices.map(String))]);
  const examples = schema["examples"] as readonly string[] | undefined;
  if (examples !== undefined) return `something like ${listed(examples)}`;
  if (schema["pattern"] !== undefined) return "letters, digits, dots, dashes and underscores only";
  if (error.keyword === "minItems") return "one at least";
  return WANTED[[schema["type"]].flat().join()] ?? "something else";
}

const WANTED: Readonly<Record<string, string>> = {
  integer: "a whole number, 1 or more",
  boolean: "true or false",
  object: "a map of names and values",
  array: "a list",
  string: "a text",
  "string,number": "a text or a number",
  "string,number,boolean": "a text, a number, true or false",
  "string,array": "a text or a list of texts",
  "string,number,array": "a text, a number, or a list of them",
};

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${String(words.at(-1))}`;
