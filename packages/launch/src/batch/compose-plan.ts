import { dirname, join, relative, sep } from "node:path";
import { fault } from "../faults.ts";
import type { Job, JobRun } from "../job-file.ts";
import { batchFolder } from "./batch-order.ts";
import { quoted, quotedAll } from "./shell-words.ts";

/** How a run goes in containers: what docker-compose.yml is told by its environment, and how many clients. */
export interface ComposePlan {
  /** Names of docker-compose.yml, as its head explains them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clients: number;
  /** Where the environment is kept, for more calls of docker compose: lines for a shell. Absolute. */
  readonly environmentPath: string;
}

/** Where the two folders of this host are in containers. */
const DATA = "/data";
const RESULTS = "/results";

/**
 * Folders of this host have other names in containers, so every path of the job is written anew.
 *
 * @param user `uid:gid`, who must be able to write the results
 * @throws EvbError "compose-one-run", "compose-no-inputs", "compose-elsewhere"
 */
export function composePlan(job: Job, runs: readonly JobRun[], user: string): ComposePlan {
  const [run] = runs;
  if (job.kind !== "run" || run === undefined || runs.length > 1)
    throw fault("compose-one-run", { path: job.path, kind: job.kind, runs: runs.length });
  if (run.index === undefined) throw fault("compose-no-inputs", { path: job.path });
  const data = commonFolder(run.index.inputs.map(staticFolder));
  const places = new Places({ data, results: dirname(run.out) });
  const { clients = 1 } = run;
  return {
    environment: {
      EVB_DATA: data,
      EVB_RESULTS: dirname(run.out),
      EVB_USER: user,
      EVB_BEFORE: `test -e ${quotedAll([places.inside(run.index.path)])} || evb ${quotedAll(["index", ...places.words(run.index.words)])}`,
      EVB_COORDINATOR: quotedAll([
        "coordinator",
        ...places.words(run.words),
        "--resume",
        `--clients=${String(clients)}`,
      ]),
      EVB_CONNECTION: places.inside(join(run.out, "connection.json")),
      EVB_CLIENT: quotedAll(places.words(clientWords(run))),
    },
    clients,
    environmentPath: join(batchFolder(job), `${job.name}-${run.name}.env.sh`),
  };
}

const clientWords = ({ clientWords }: JobRun): readonly string[] =>
  clientWords.some((word) => word.startsWith("--wait="))
    ? clientWords
    : ["--wait=2m", ...clientWords];

/**
 * For a shell to read before it calls docker compose. (Its own format of such files has no way to write a
 * backslash before a quote.)
 */
export const environmentText = ({ environment }: ComposePlan): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join("");

/** Where a path of this host is in the containers. */
class Places {
  readonly #data: string;
  readonly #results: string;

  constructor({ data, results }: { readonly data: string; readonly results: string }) {
    this.#data = data;
    this.#results = results;
  }

  /** @throws EvbError "compose-elsewhere" */
  inside(path: string): string {
    const inResults = below(path, this.#results);
    if (inResults !== undefined) return join(RESULTS, inResults);
    const inData = below(path, this.#data);
    if (inData !== undefined) return join(DATA, inData);
    throw fault("compose-elsewhere", { path, data: this.#data, results: this.#results });
  }

  /** Arguments and options alike, where they name an absolute path. `--force` isn't for what is begun by every start. */
  words(words: readonly string[]): string[] {
    return words
      .filter((word) => word !== "--force")
      .map((word) => {
        const [, option = "", value = word] = /^(--[a-z-]+=)(.*)$/s.exec(word) ?? [];
        if (option === "--data=") return option + this.#dataPlace(value);
        return option + (value.startsWith("/") ? this.inside(value) : value);
      });
  }

  /** FROM is what the index says, and so as it is in the containers already. */
  #dataPlace(value: string): string {
    return value
      .split("=")
      .map((path) => this.inside(path))
      .join("=");
  }
}

/** `path` as seen from `folder`; undefined where it isn't below it. */
function below(path: string, folder: string): string | undefined {
  const way = relative(folder, path);
  return way === ".." || way.startsWith(`..${sep}`) ? undefined : way;
}

/** Of a file or folder that is named, or of what comes before a glob. */
const staticFolder = (input: string): string => dirname(input.replace(/[*?[{].*$/s, "x"));

function commonFolder(folders: readonly string[]): string {
  let common = folders[0]!;
  while (!folders.every((folder) => below(folder, common) !== undefined)) common = dirname(common);
  return common;
}
