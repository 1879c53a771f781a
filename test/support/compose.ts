import { copyFileSync, mkdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { join } from "node:path";
import { output, ROOT, run, type Ran } from "./system.ts";

const ENGINE = join(ROOT, "test/support/docker-engine");
const POLL_MS = 200;

/** docker-compose.yml and the image in an engine of a test's own, in one folder that holds all of it. */
export class Compose {
  readonly #folder: string;
  readonly #context: string;
  #variables: Readonly<Record<string, string>> = {};

  constructor(folder: string) {
    this.#folder = join(folder, "engine");
    this.#context = join(folder, "evb");
  }

  /** Starts the engine and makes the image, of the package alone: no folder of sources is there. */
  begin(): void {
    mkdirSync(this.#folder);
    output(ENGINE, ["up", this.#folder]);
    output(ENGINE, ["base", this.#folder]);
    mkdirSync(join(this.#context, "scripts"), { recursive: true });
    for (const path of ["docker-compose.yml", "scripts/Dockerfile"])
      copyFileSync(join(ROOT, path), join(this.#context, path));
    output("npm", ["run", "--silent", "package", "--", this.#context]);
    this.set({ EVB_PACKAGE: "packed" });
    this.compose("build");
  }

  /** What docker-compose.yml takes from the environment. */
  set(variables: Readonly<Record<string, string>>): void {
    this.#variables = { ...this.#variables, ...variables };
  }

  /** Nothing is set any more, and nothing of the run before is there. */
  forget(): void {
    this.compose("down", "--volumes");
    this.#variables = {};
  }

  end(): void {
    run(ENGINE, ["down", this.#folder]);
  }

  /** `docker WORDS`, which must succeed; what it printed. */
  docker(...words: readonly string[]): string {
    const { code, stdout, stderr } = this.try("docker", words);
    if (code !== 0) throw new Error(`docker ${words.join(" ")}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  compose(...words: readonly string[]): string {
    return this.docker("compose", ...words);
  }

  try(command: string, words: readonly string[]): Ran {
    const variables = { ...this.#variables, DOCKER_HOST: `unix://${this.#folder}/docker.sock` };
    const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    return run("env", [...set, "timeout", "120", command, ...words], this.#context);
  }

  /** What the engine says of a container: `--format` of docker inspect. */
  inspect(container: string, format: string): string {
    return this.docker("inspect", "--format", `{{${format}}}`, `evb-${container}-1`);
  }

  /** Ends the program in a container as a fault would, not as docker does, which then wouldn't start it again. */
  crash(container: string): void {
    const script = `for each in /proc/[0-9]*; do
      case $(cat $each/cmdline 2>/dev/null) in node*) kill -9 \${each#/proc/} ;; esac
    done`;
    this.docker("exec", container, "sh", "-c", script);
  }

  async until(what: string, holds: () => boolean, secondsMax: number): Promise<void> {
    const deadline = performance.now() + secondsMax * 1000;
    while (!holds()) {
      if (performance.now() > deadline)
        throw new Error(`not within ${String(secondsMax)} s: ${what}\n${this.compose("logs")}`);
      await setTimeout(POLL_MS);
    }
  }
}
