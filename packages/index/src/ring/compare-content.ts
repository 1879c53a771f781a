import type { RingItem } from "@evb/formats";
import { ContentKey } from "./content-keys.ts";
import { hasKey, KeyList, surplusOf, takeFrom, type Surplus } from "./key-list.ts";
import { ringRecordsOf, type RingRecord } from "./ring-records.ts";

/**
 * So many different records that one side has alone are told one by one; beyond it, they are only
 * counted, and what evb may have added to them isn't looked for.
 */
const DIFFERENT_MAX = 100_000;

/** By what may be added to a record: each kind is compared by what stays the same. */
type Lists = Readonly<Record<RingRecord["mayGet"], KeyList>>;
type Sorted = Readonly<Record<RingRecord["mayGet"], BigUint64Array>>;
type Surpluses = Readonly<Record<RingRecord["mayGet"], Surplus>>;
const ADDITIONS = ["nothing", "stamp", "body header"] as const;

export interface ContentCounts {
  fragments: number;
  runItems: number;
}

/**
 * Compares what two sets of files hold, as multisets: first every item of the inputs, then every item of the
 * outputs, then {@link ContentComparison.differences}. Of each record 8 bytes are kept. Where
 * there are differences, both sets are walked again, so that records can be named.
 */
export class ContentComparison {
  readonly inputs: ContentCounts = { fragments: 0, runItems: 0 };
  readonly outputs: ContentCounts = { fragments: 0, runItems: 0 };
  readonly #key = new ContentKey();
  readonly #lists: Lists = newLists();
  readonly #outLists: Lists = newLists();
  #wanted: Sorted | undefined;
  #lost: Surpluses | undefined;
  #added: Surpluses | undefined;

  addInput(item: RingItem, records: readonly RingRecord[]): void {
    const view = item.bytes();
    for (const record of records) {
      count(record, this.inputs);
      this.#lists[record.mayGet].add(this.#inputKey(view, record));
    }
  }

  addOutput(item: RingItem, records: readonly RingRecord[]): void {
    this.#wanted ??= sorted(this.#lists);
    const view = item.bytes();
    for (const record of records) {
      count(record, this.outputs);
      const kind = this.#kindOfOutput(view, record, this.#wanted);
      // The key is left as the kind asks for it.
      this.#outLists[kind].add(this.#key);
    }
  }

  /** How many records are lost, and how many added, as far as single records weren't looked at. */
  differences(): { lost: number; added: number } {
    if (this.#lost === undefined) {
      const had = this.#wanted ?? sorted(this.#lists);
      const has = sorted(this.#outLists);
      const of = (kind: RingRecord["mayGet"]) => surplusOf(had[kind], has[kind], DIFFERENT_MAX);
      const found = {
        nothing: of("nothing"),
        stamp: of("stamp"),
        "body header": of("body header"),
      };
      this.#lost = sidesOf(found, "one");
      this.#added = sidesOf(found, "other");
      this.#wanted = undefined;
    }
    return { lost: countIn(this.#lost), added: countIn(this.#added!) };
  }

  /** The second walk, outputs before inputs: records of the item that the inputs don't have. */
  addedIn(item: RingItem): RingRecord[] {
    const [lost, added] = [this.#lost!, this.#added!];
    const view = item.bytes();
    return ringRecordsOf(item).filter((record) =>
      ADDITIONS.some((kind) => {
        if (!takeFrom(added[kind], this.#keyAs(kind, view, record).value)) return false;
        // It looks like another one that was there before, but is one that got a header or a stamp.
        if (kind !== "nothing") return true;
        return (
          !takeFrom(lost.stamp, this.#key.ofStampless(view, record).value) &&
          !takeFrom(lost["body header"], this.#key.ofBody(view, record).value)
        );
      }),
    );
  }

  /** And those that the outputs don't have. */
  lostIn(item: RingItem): RingRecord[] {
    const view = item.bytes();
    return ringRecordsOf(item).filter((record) =>
      takeFrom(this.#lost![record.mayGet], this.#inputKey(view, record).value),
    );
  }

  #inputKey(view: DataView, record: RingRecord): ContentKey {
    return this.#keyAs(record.mayGet, view, record);
  }

  #keyAs(kind: RingRecord["mayGet"], view: DataView, record: RingRecord): ContentKey {
    switch (kind) {
      case "nothing":
        return this.#key.ofAll(view, record);
      case "stamp":
        return this.#key.ofStampless(view, record);
      case "body header":
        return this.#key.ofBody(view, record);
    }
  }

  /** As which of the inputs' kinds an output counts: a record that got something is no longer of its kind. */
  #kindOfOutput(view: DataView, record: RingRecord, wanted: Sorted): RingRecord["mayGet"] {
    if (wanted.stamp.length + wanted["body header"].length > 0) {
      if (hasKey(wanted.nothing, this.#key.ofAll(view, record).value)) return "nothing";
      if (hasKey(wanted.stamp, this.#key.ofStampless(view, record).value)) return "stamp";
      if (hasKey(wanted["body header"], this.#key.ofBody(view, record).value)) return "body header";
    }
    this.#key.ofAll(view, record);
    return "nothing";
  }
}

function count({ kind }: RingRecord, counts: ContentCounts): void {
  if (kind === "fragment") counts.fragments++;
  else counts.runItems++;
}

const newLists = (): Lists => ({
  nothing: new KeyList(),
  stamp: new KeyList(),
  "body header": new KeyList(),
});

const sorted = (lists: Lists): Sorted => ({
  nothing: lists.nothing.takeSorted(),
  stamp: lists.stamp.takeSorted(),
  "body header": lists["body header"].takeSorted(),
});

const sidesOf = (
  found: Readonly<Record<RingRecord["mayGet"], { one: Surplus; other: Surplus }>>,
  side: "one" | "other",
): Surpluses => ({
  nothing: found.nothing[side],
  stamp: found.stamp[side],
  "body header": found["body header"][side],
});

const countIn = (surpluses: Surpluses): number =>
  ADDITIONS.reduce((sum, kind) => sum + surpluses[kind].count, 0);
