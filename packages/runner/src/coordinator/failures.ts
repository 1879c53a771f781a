import type { Failure } from "../wire/join.ts";

/** Sentences of 1000 characters at most: 100 MB. */
const KEPT_MAX = 50_000;

/** The events whose analysis failed. */
export class Failures {
  #count: number;
  readonly #kept: Failure[];

  /** @param before those of an earlier life of the coordinator */
  constructor(before: { readonly failed: number; readonly failures: readonly Failure[] }) {
    this.#count = before.failed;
    this.#kept = [...before.failures];
  }

  get count(): number {
    return this.#count;
  }

  /** In order of the events; of very many, those that failed first. */
  get inOrder(): Failure[] {
    return [...this.#kept].sort((a, b) => a.event - b.event);
  }

  add(failure: Failure): void {
    this.#count++;
    if (this.#kept.length < KEPT_MAX) this.#kept.push(failure);
  }
}
