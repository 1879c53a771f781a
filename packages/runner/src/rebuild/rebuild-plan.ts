import { gap, glom } from "@evb/event";
import type { RingRun } from "@evb/index";
import { cutParts, type Cut, type PartPlan } from "./cut-parts.ts";
import { PartEncoder } from "./part-encoder.ts";
import type { Building, PartLimits } from "./rebuild-order.ts";
import { cutSourceParts, SourcePartEncoder } from "./source-parts.ts";
import { sourceRuns } from "./source-runs.ts";

/** A part of one of the outputs. */
interface PlannedPart extends PartPlan {
  /** Row of the plan's buildings. */
  readonly building: number;
}

/** What a building gives. */
export interface PlannedBuilding {
  readonly building: Building;
  readonly events: number;
  /** What its files must hold. */
  readonly fragments: number;
  /** Of its files, in order. */
  readonly fileBytes: readonly number[];
  /** Row of its first file among those of all buildings. */
  readonly fileFirst: number;
}

/** All parts of all outputs of a run: one sort, several windows. */
export class RebuildPlan {
  readonly buildings: readonly PlannedBuilding[];
  readonly parts: readonly PlannedPart[];
  readonly #encoders: readonly (PartEncoder | SourcePartEncoder)[];

  constructor(run: RingRun, buildings: readonly Building[], limits: PartLimits) {
    const planned: PlannedBuilding[] = [];
    const parts: PlannedPart[] = [];
    let fileFirst = 0;
    const sources = buildings.some(isOfSource) ? sourceRuns(run) : undefined;
    const starts = new Map<PlannedPart, bigint>();
    this.#encoders = buildings.map((building, row) => {
      const own = building.sourceOnly === undefined ? run : sources!.get(building.sourceOnly)!;
      const { cut, events, encoder } = plannedOf(own, building, limits);
      const { fragments } = own;
      planned.push({ building, events, fragments, fileBytes: cut.fileBytes, fileFirst });
      fileFirst += cut.fileBytes.length;
      for (const part of cut.parts) {
        const here = { ...part, building: row };
        parts.push(here);
        if (sources !== undefined) starts.set(here, stampAt(own, part.from));
      }
      return encoder;
    });
    this.buildings = planned;
    // What is read for one window, or one source, is in memory still for the others.
    if (sources !== undefined)
      parts.sort((one, other) => Number(starts.get(one)! - starts.get(other)!));
    else if (buildings.length > 1) parts.sort((one, other) => one.from - other.from);
    this.parts = parts;
  }

  /** What is to be written for a part, encoded. */
  encode(number: number): Uint8Array {
    const part = this.parts[number]!;
    const { building } = part;
    const output = this.buildings[building]!.fileFirst + part.file;
    return this.#encoders[building]!.encode(part, { building, output });
  }

  /** Tells how far each output is written without a gap, as its parts come in any order. */
  progress(): WrittenPrefix {
    return new WrittenPrefix(this);
  }
}

const isOfSource = ({ sourceOnly }: Building): boolean => sourceOnly !== undefined;

/** Of the row at a place; behind the last one later than all. */
const stampAt = ({ order, rows }: RingRun, place: number): bigint =>
  place < order.length ? rows.stamp[order[place]!]! : 2n ** 64n;

function plannedOf(
  run: RingRun,
  building: Building,
  limits: PartLimits,
): { cut: Cut; events: number; encoder: PartEncoder | SourcePartEncoder } {
  if (isOfSource(building)) {
    const encoder = new SourcePartEncoder(run, building);
    return { cut: cutSourceParts(run, building, limits), events: run.fragments, encoder };
  }
  const { begins, events } = unitsOf(run, building);
  const encoder = new PartEncoder(run, building, begins);
  return { cut: cutParts(run, building, begins, limits), events, encoder };
}

function unitsOf(
  run: RingRun,
  { windowTicks, match, fragmentsMax }: Building,
): { begins: Uint8Array | undefined; events: number } {
  if (windowTicks === undefined) return { begins: undefined, events: run.fragments };
  const { order, rows } = run;
  const find = match === "window" ? glom : gap;
  return find({ order, stamp: rows.stamp, kind: rows.kind }, { windowTicks, fragmentsMax });
}

/** By output: bytes that are written from its beginning on. */
export class WrittenPrefix {
  readonly #plan: RebuildPlan;
  readonly #written: Uint8Array;
  /** By output: numbers of its parts, in order, and how many of them are written without a gap. */
  readonly #outputs: { readonly parts: number[]; next: number; bytes: number }[];

  constructor(plan: RebuildPlan) {
    this.#plan = plan;
    this.#written = new Uint8Array(plan.parts.length);
    this.#outputs = plan.buildings.map(() => ({ parts: [], next: 0, bytes: 0 }));
    plan.parts.forEach(({ building }, number) => {
      this.#outputs[building]!.parts.push(number);
    });
  }

  /** Takes parts in; returns the outputs that are written further now. */
  take(parts: readonly { readonly first: number; readonly end: number }[]): {
    output: number;
    bytes: number;
  }[] {
    for (const { first, end } of parts) this.#written.fill(1, first, end);
    return this.#outputs.flatMap((output, row) => {
      const before = output.bytes;
      while (output.next < output.parts.length && this.#written[output.parts[output.next]!] === 1)
        output.bytes += this.#plan.parts[output.parts[output.next++]!]!.bytes;
      return output.bytes > before ? [{ output: row, bytes: output.bytes }] : [];
    });
  }
}
