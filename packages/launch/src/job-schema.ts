import { JOB_KEYS, type JobKey, type JobKind } from "./job-keys.ts";

/** As much of JSON schema (draft 7) as is used here. */
export type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: ["string", "number"] };
const TEXTS: Schema = {
  type: ["string", "number", "array"],
  items: { type: ["string", "number"] },
  minItems: 1,
};
const PATH: Schema = { type: "string", minLength: 1 };
const PATHS: Schema = {
  type: ["string", "array"],
  minLength: 1,
  items: { type: "string", minLength: 1 },
  minItems: 1,
};
const SETTINGS: Schema = {
  type: "object",
  additionalProperties: { type: ["string", "number", "boolean"] },
};

/** Where a job or a run is named after this, files and batch jobs are, too. */
const NAME: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$", maxLength: 100 };

const count = (describe: string, minimum = 1): Schema => ({
  description: describe,
  type: "integer",
  minimum,
});

const RESOURCES: Schema = {
  description: "what a batch system is asked for",
  type: "object",
  additionalProperties: false,
  properties: {
    nodes: count("hosts (the batch system chooses)"),
    tasks: count("processes: one coordinator, the others are clients (clients + 1)"),
    "cpus-per-task": count("processors of each process (1)"),
    memory: {
      description: "memory of each host",
      type: "string",
      pattern: "^\\d+(\\.\\d+)? ?(kB|MB|GB|TB|KiB|MiB|GiB|TiB)$",
      examples: ["4GB", "512MiB"],
    },
    walltime: {
      description: "how long the job may take",
      type: "string",
      pattern: "^(\\d+(\\.\\d+)? ?(s|m|min|h|d)|(\\d+-)?\\d+:\\d\\d:\\d\\d)$",
      examples: ["90m", "2h", "1-12:00:00"],
    },
    queue: { description: "Slurm's partition, LSF's queue", type: "string", minLength: 1 },
    account: { description: "Slurm's account, LSF's project", type: "string", minLength: 1 },
    modules: { ...PATHS, description: "environment modules to load" },
    lines: { ...PATHS, description: "further lines of the batch script's head, as they are" },
    before: { ...PATHS, description: "shell lines before the job begins" },
  },
};

/** What is of the job itself, by kind. */
const OWN: Readonly<Record<JobKind, Readonly<Record<string, Schema>>>> = {
  run: {
    inputs: { ...PATHS, description: "files, folders, globs; an index is made of them" },
    index: { ...PATH, description: "the index: made where there are inputs (OUTPUT.index.h5)" },
    output: { ...PATH, description: "folder for the results" },
    clients: count("clients to start or to wait for"),
  },
  order: {
    inputs: { ...PATHS, description: ".evt files, folders or globs" },
    output: { ...PATH, description: "folder for the new files" },
    clients: count("processes that write (1)"),
  },
  generate: { output: { ...PATH, description: "folder for the files" } },
};

const KINDS = Object.keys(OWN) as JobKind[];

/** What ajv checks job files against, and editors complete them with: jobs/job.schema.json. */
export function jobSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A job of evb",
    type: "object",
    required: ["kind"],
    properties: { kind: { description: "what the job does", enum: KINDS } },
    allOf: KINDS.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ["kind"] },
      then: { $ref: `#/definitions/${kind}` },
    })),
    definitions: Object.fromEntries(KINDS.map((kind) => [kind, schemaOf(kind)])),
  };
}

function schemaOf(kind: JobKind): Schema {
  const options = [...JOB_KEYS[kind]].map(([name, key]) => [name, valueSchema(key)]);
  const keys = { ...OWN[kind], ...(Object.fromEntries(options) as Record<string, Schema>) };
  return {
    type: "object",
    additionalProperties: false,
    properties: {
      kind: { const: kind },
      name: { ...NAME, description: "of the job (the file's name)" },
      ...keys,
      runs: {
        description: "runs with keys of their own, which stand in place of those above",
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          additionalProperties: false,
          properties: {
            name: { ...NAME, description: "of the run (its output's name)" },
            ...Object.fromEntries(
              Object.keys(keys).map((key) => [
                key,
                { $ref: `#/definitions/${kind}/properties/${key}` },
              ]),
            ),
          },
        },
      },
      resources: RESOURCES,
    },
  };
}

function valueSchema({ value, describe }: JobKey): Schema {
  return { description: describe, ...typeOf(value) };
}

function typeOf(value: JobKey["value"]): Schema {
  switch (value.kind) {
    case "text":
      return TEXT;
    case "texts":
      return TEXTS;
    case "path":
    case "analysis":
      return PATH;
    case "places":
      return PATHS;
    case "flag":
      return { type: "boolean" };
    case "settings":
      return SETTINGS;
    case "choice":
      return { enum: value.of.flatMap(choicesOf) };
  }
}

/** YAML takes 12 for a number. */
const choicesOf = (text: string): (string | number)[] =>
  /^\d+$/.test(text) ? [text, Number(text)] : [text];
