import { basename, dirname, extname, resolve } from "node:path";
import { BUILT_IN_NAMES } from "@evb/analysis";
import { fault } from "./faults.ts";
import { JobDocument, type JobPath } from "./job-document.ts";
import { JOB_KEYS, type JobKey, type JobKind, type KeyOwner } from "./job-keys.ts";
import { resourcesOf, type Resources } from "./resources.ts";

/** What a job file says, once for all launchers. */
export interface Job {
  readonly kind: JobKind;
  readonly name: string;
  /** The job file's own, absolute. */
  readonly path: string;
  /** At least one. */
  readonly runs: readonly JobRun[];
  readonly resources: Resources;
}

/** One run of a job, as words of evb's commands. A job without `runs` has one. Options are `--name=value`. */
export interface JobRun {
  readonly name: string;
  /** Absolute. */
  readonly out: string;
  /** Kind run with `inputs`: what `evb index` is told to make the index where it is missing or stale. */
  readonly index: JobIndex | undefined;
  /** Of `evb run` and `coordinator` alike (INDEX and options); of `evb order` (FILE… and options); of `evb generate` (DIR and options). */
  readonly words: readonly string[];
  /** Of `coordinator` alone: where it listens. */
  readonly coordinatorWords: readonly string[];
  /** Of `evb run` beside `words`: what its clients are told. */
  readonly readerWords: readonly string[];
  /** Of each client, behind its connection file. */
  readonly clientWords: readonly string[];
  readonly clients: number | undefined;
}

/** An index that a job makes by itself. */
export interface JobIndex {
  /** Absolute. */
  readonly path: string;
  /** As they stand in the job file: files, folders, globs, absolute. */
  readonly inputs: readonly string[];
  /** INPUT… and options, `--out` and `--force` among them. */
  readonly words: readonly string[];
}

/** Whether a command's first argument is a job file, and not what the command is about. */
export const isJobFile = (word: string): boolean => /\.ya?ml$/i.test(word);

/**
 * Reads a job file and checks it against the schema.
 *
 * @throws EvbError "job-unreadable", "bad-job"
 */
export function readJob(path: string): Job {
  const document = new JobDocument(path);
  const [kind] = document.textsAt(["kind"]) as [JobKind];
  const count = document.lengthAt(["runs"]);
  const places = count === 0 ? [undefined] : Array.from({ length: count }, (_, i) => i);
  const runs = places.map((run) => new RunKeys(document, kind, run).run());
  checkApart(document, runs);
  const [name = asName(stemOf(path))] = document.textsAt(["name"]);
  return { kind, name, path: resolve(path), runs, resources: resourcesOf(document) };
}

/**
 * The runs that are asked for: all, or the one of this name.
 *
 * @throws EvbError "run-unknown"
 */
export function chosenRuns({ path, runs }: Job, only: string | undefined): readonly JobRun[] {
  if (only === undefined) return runs;
  const chosen = runs.filter(({ name }) => name === only);
  const names = runs.map(({ name }) => name);
  if (chosen.length === 0) throw fault("run-unknown", { path, only, names });
  return chosen;
}

/** What is said of one run: its own keys, and those of the job that it doesn't have itself. */
class RunKeys {
  readonly #document: JobDocument;
  readonly #kind: JobKind;
  readonly #run: number | undefined;
  readonly #folder: string;
  readonly #places = new Map<string, JobPath>();

  /** @param run its place in the list; undefined where there is none */
  constructor(document: JobDocument, kind: JobKind, run: number | undefined) {
    this.#document = document;
    this.#kind = kind;
    this.#run = run;
    this.#folder = dirname(resolve(document.path));
    for (const key of document.keysAt([])) this.#places.set(key, [key]);
    if (run === undefined) return;
    this.#places.delete("name");
    for (const key of document.keysAt(["runs", run])) this.#places.set(key, ["runs", run, key]);
  }

  run(): JobRun {
    const out = this.#out();
    const [name = asName(basename(out))] = this.#run === undefined ? [] : this.#texts("name");
    const index = this.#kind === "run" ? this.#index(out) : undefined;
    const [clients] = this.#texts("clients");
    return {
      name,
      out,
      index: index?.made,
      words: [
        ...this.#commandArguments(out, index?.path),
        ...this.#options("both", "order", "generate"),
      ],
      coordinatorWords: this.#options("coordinator"),
      readerWords: this.#options("reader"),
      clientWords: this.#options("client"),
      clients: clients === undefined ? undefined : Number(clients),
    };
  }

  #commandArguments(out: string, index: string | undefined): string[] {
    switch (this.#kind) {
      case "run":
        return [index!, `--out=${out}`];
      case "order": {
        const toOut = this.#has("output") ? [`--out=${out}`] : [];
        return [...this.#inputs(), ...toOut];
      }
      case "generate":
        return [out];
    }
  }

  /** `evb order` has three kinds of places for what it writes. */
  #out(): string {
    const keys = this.#kind === "order" ? ["output", "stagearea", "split"] : ["output"];
    const given = keys.filter((key) => this.#has(key));
    const [key] = given;
    if (key === undefined) throw this.#problem("`output`, the folder for what it writes");
    return this.#path(this.#texts(key)[0]!);
  }

  #inputs(): string[] {
    if (!this.#has("inputs")) throw this.#problem("`inputs`, the files to read");
    return this.#texts("inputs").map((text) => this.#path(text));
  }

  #index(out: string): { readonly path: string; readonly made: JobIndex | undefined } {
    const [text] = this.#texts("index");
    if (!this.#has("inputs")) {
      if (text === undefined) throw this.#problem("`inputs`, or an `index` that is there already");
      return { path: this.#path(text), made: undefined };
    }
    const path = text === undefined ? `${out}.index.h5` : this.#path(text);
    const inputs = this.#inputs();
    const words = [...inputs, `--out=${path}`, "--force", ...this.#options("index")];
    return { path, made: { path, inputs, words } };
  }

  #options(...owners: readonly KeyOwner[]): string[] {
    return [...JOB_KEYS[this.#kind]].flatMap(([name, key]) =>
      this.#has(name) && key.owners.some((each) => owners.includes(each))
        ? this.#optionWords(name, key)
        : [],
    );
  }

  #optionWords(name: string, { value, option = name }: JobKey): string[] {
    const at = this.#places.get(name)!;
    const words = (texts: readonly string[]): string[] =>
      texts.map((text) => `--${option}=${text}`);
    switch (value.kind) {
      case "text":
      case "texts":
      case "choice":
        return words(this.#texts(name));
      case "path":
        return words(this.#texts(name).map((text) => this.#path(text)));
      case "places":
        return words(
          this.#texts(name).map((text) =>
            text
              .split("=")
              .map((each) => this.#path(each))
              .join("="),
          ),
        );
      case "analysis":
        return words(this.#texts(name).map((text) => (isBuiltIn(text) ? text : this.#path(text))));
      case "flag":
        return this.#document.isTrueAt(at) ? [`--${option}`] : [];
      case "settings":
        return this.#document
          .keysAt(at)
          .flatMap((setting) =>
            words([`${setting}=${this.#document.textsAt([...at, setting]).join("")}`]),
          );
    }
  }

  #has = (key: string): boolean => this.#places.has(key);

  #texts(key: string): string[] {
    const at = this.#places.get(key);
    return at === undefined ? [] : this.#document.textsAt(at);
  }

  #path = (text: string): string => resolve(this.#folder, text);

  #problem(missing: string): Error {
    const at: JobPath = this.#run === undefined ? ["kind"] : ["runs", this.#run];
    return this.#document.problem(at, `the run has no ${missing}`);
  }
}

const isBuiltIn = (text: string): boolean => (BUILT_IN_NAMES as readonly string[]).includes(text);

const stemOf = (path: string): string => basename(path, extname(path));

/** Files and batch jobs are named so. */
const asName = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "job";

/** Two runs of one name, or with one output, would be taken for each other. */
function checkApart(document: JobDocument, runs: readonly JobRun[]): void {
  for (const [i, run] of runs.entries()) {
    const before = runs.slice(0, i);
    if (before.some(({ out }) => out === run.out))
      throw document.problem(["runs", i], `an earlier run has the output ${run.out} already`);
    if (before.some(({ name }) => name === run.name))
      throw document.problem(
        ["runs", i],
        `an earlier run is called ${run.name} already: give each a \`name\``,
      );
  }
}
