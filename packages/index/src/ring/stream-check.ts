import { decodeBody, ITEM_TYPE, itemTypeName, type RingItem } from "@evb/formats";
import type { RingRecord } from "./ring-records.ts";

export type ProblemKind =
  "damage" | "structure" | "backward step" | "run number" | "lost" | "added";

/** One thing that is wrong, and where. */
export interface RingProblem {
  readonly kind: ProblemKind;
  readonly file: string;
  /** Of the item, in bytes from the beginning of the file. */
  readonly offset: number;
  readonly item: number;
  readonly sentence: string;
}

/** Collects what is wrong: all of it is counted, and of each kind so many are kept. */
export class Problems {
  readonly kept: RingProblem[] = [];
  readonly counts: Partial<Record<ProblemKind, number>> = {};
  readonly #keptMax: number;

  constructor({ keptMax }: { readonly keptMax: number }) {
    this.#keptMax = keptMax;
  }

  get count(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  add(problem: RingProblem): void {
    const count = (this.counts[problem.kind] ?? 0) + 1;
    this.counts[problem.kind] = count;
    if (count <= this.#keptMax) this.kept.push(problem);
  }
}

/** Checks the files of one stream, item by item, in order. */
export class StreamCheck {
  readonly #problems: Problems;
  readonly #unreadable = new Map<string, number>();
  #run: number | undefined;
  #before = 0n;
  #begins = 0;
  #ends = 0;
  #abnormalEnds = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  check(item: RingItem, records: readonly RingRecord[], file: string): void {
    const at = { file, offset: item.offset, item: item.number };
    for (const doubt of item.doubts)
      this.#problems.add({ kind: "structure", ...at, sentence: `${placeOf(at)}: ${doubt}` });
    if (item.event === undefined) this.#checkRunItem(item, at);
    else this.#checkTimes(records, at);
  }

  /** What isn't wrong, but not as usual either, when the stream has ended. */
  *warnings({
    path,
    runNumber,
  }: {
    path: string;
    runNumber: number | undefined;
  }): Generator<string> {
    const [begins, ends] = [this.#begins, this.#ends];
    if (begins === 0) yield `${path} has no BEGIN_RUN`;
    else if (begins !== ends && this.#abnormalEnds === 0)
      yield `${path} has ${String(begins)} BEGIN_RUN and ${String(ends)} END_RUN`;
    if (runNumber !== undefined && this.#run !== undefined && runNumber !== this.#run)
      yield `${path} holds run ${String(this.#run)}, which isn't the number in its name`;
    for (const [type, count] of this.#unreadable)
      yield `${path} has ${String(count)} ${type} with a body that isn't as NSCLDAQ writes it`;
  }

  #checkTimes(records: readonly RingRecord[], at: Place): void {
    for (const { kind, stamp, source } of records) {
      if (kind !== "fragment" || stamp === undefined) continue;
      if (stamp < this.#before) {
        const sentence = `${placeOf(at)}: a fragment of source ${String(source)} has time stamp ${String(stamp)}, behind one with ${String(this.#before)}`;
        this.#problems.add({ kind: "backward step", ...at, sentence });
      }
      this.#before = stamp;
    }
  }

  #checkRunItem(item: RingItem, at: Place): void {
    const { head, v10 } = item;
    const { type } = head;
    if (type === ITEM_TYPE.BEGIN_RUN) this.#begins++;
    if (type === ITEM_TYPE.END_RUN) this.#ends++;
    if (type === ITEM_TYPE.ABNORMAL_ENDRUN) this.#abnormalEnds++;
    const body = decodeBody(item.bytes(), head, v10);
    const name = itemTypeName(type) ?? String(type);
    if (body.kind === "unreadable")
      this.#unreadable.set(name, (this.#unreadable.get(name) ?? 0) + 1);
    if (body.kind !== "state change") return;
    this.#run ??= body.run;
    if (body.run === this.#run) return;
    const sentence = `${placeOf(at)}: ${name} of run ${String(body.run)}, behind one of run ${String(this.#run)}`;
    this.#problems.add({ kind: "run number", ...at, sentence });
  }
}

type Place = Omit<RingProblem, "kind" | "sentence">;

const placeOf = ({ file, offset, item }: Place): string =>
  `${file}, byte ${String(offset)} (item ${String(item)})`;
