import { asRank, type Rank } from "@evb/event";
import { RangeSet, type Range } from "@evb/runner";
import type { SeededRandom } from "./random.ts";
import type { Before } from "./run-foresight.ts";
import type { Player } from "./run-player.ts";

type JournalRecord =
  | { readonly kind: "client"; readonly player: Player; readonly rank: Rank }
  | { readonly kind: "results" | "epoch"; readonly rank: Rank; readonly ranges: readonly Range[] }
  | { readonly kind: "progress"; readonly handedOut: number }
  | { readonly kind: "suspects"; readonly suspects: Before["suspects"] };

const COORDINATOR = asRank(0);

/** What the journal of a run holds: what whoever goes on with the run knows of it. */
export class ModelJournal {
  #records: JournalRecord[] = [];
  /** So many are in the file, and on the disk. */
  #flushed = 0;
  #synced = 0;
  #handedOut: number;
  readonly #first: number;
  ranks = new Map<Player, Rank>();

  constructor(first: number) {
    this.#first = first;
    this.#handedOut = first;
  }

  append(record: JournalRecord): void {
    this.#records.push(record);
    if (record.kind === "client") this.ranks.set(record.player, record.rank);
  }

  /** Columns and totals of nothing. */
  setAsideAll(ranges: readonly Range[]): void {
    this.append({ kind: "results", rank: COORDINATOR, ranges });
    this.append({ kind: "epoch", rank: COORDINATOR, ranges });
  }

  flush({ handedOut, sync }: { handedOut: number; sync: boolean }): void {
    if (handedOut > this.#handedOut) this.append({ kind: "progress", handedOut });
    this.#handedOut = handedOut;
    this.#flushed = this.#records.length;
    if (sync) this.#synced = this.#flushed;
  }

  /** Its end is lost, as far as it was not safe. Returns whether that was anything. */
  tear(random: SeededRandom, { power }: { power: boolean }): boolean {
    const safe = power ? this.#synced : this.#flushed;
    const length = safe + random.below(this.#records.length - safe + 1);
    if (length === this.#records.length) return false;
    const records = this.#records.slice(0, length);
    this.#records = [];
    this.#handedOut = this.#first;
    this.ranks = new Map();
    for (const record of records) this.append(record);
    return true;
  }

  get setAside(): number[] {
    return this.#records.flatMap((record) =>
      record.kind === "epoch" && record.rank === COORDINATOR
        ? record.ranges.map(({ first }) => first)
        : [],
    );
  }

  /** As the next life reads it. */
  state(): Before {
    const [done, counted] = [new RangeSet(), new RangeSet()];
    const brought = new Map<Rank, RangeSet>();
    let handedOut = this.#first;
    let suspects: Before["suspects"];
    for (const record of this.#records)
      switch (record.kind) {
        case "client":
          break;
        case "progress":
          handedOut = record.handedOut;
          break;
        case "suspects":
          suspects = record.suspects;
          break;
        case "results": {
          const events = brought.get(record.rank) ?? new RangeSet();
          events.addAll(record.ranges);
          brought.set(record.rank, events);
          done.addAll(record.ranges);
          break;
        }
        case "epoch":
          if (record.ranges.some((range) => counted.touches(range)))
            throw new Error("a law is broken: the journal counts an event twice");
          counted.addAll(record.ranges);
      }
    for (const events of brought.values()) events.removeAll(counted.ranges);
    const uncounted = new Map([...brought].map(([rank, { ranges }]) => [rank, ranges]));
    return { done: done.ranges, counted: counted.ranges, uncounted, handedOut, suspects };
  }
}
