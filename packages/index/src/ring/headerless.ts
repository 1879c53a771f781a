import { RUN_ITEM } from "@evb/event";
import { isStateChange, ITEM_TYPE, ROW, type RingRows, type ScanFound } from "@evb/formats";
import type { HeaderlessRule } from "./headerless-rule.ts";
import type { RingFile } from "./ring-run.ts";

const { PHYSICS_EVENT } = ITEM_TYPE;

/** Which sources were found for items without body header. */
export interface FoundSources {
  /** By number among the states. */
  readonly ofStates: ReadonlyMap<number, number>;
  readonly given: GivenSources;
}

/** How many items without body header were taken for a source, by type. */
export type GivenSources = ReadonlyMap<number, ReadonlyMap<number, number>>;

interface Item {
  readonly type: number;
  readonly file: number;
  readonly originalSource: number | undefined;
  /** Where it is put: a row, or a number among the states. */
  readonly row: number | undefined;
  readonly state: number | undefined;
}

/**
 * Finds the sources of items without body header: by the user's rules, and where they say nothing by
 * what the run itself shows. Rows get their sources at once.
 *
 * @param run.version of its items: before 12 none says its source
 */
export function findSources(
  rows: RingRows,
  found: ScanFound,
  run: {
    readonly rules: readonly HeaderlessRule[];
    readonly files: readonly RingFile[];
    readonly version: number;
  },
): FoundSources {
  const { rules, files } = run;
  const items = itemsOf(found, run.version);
  const sources = new RunSources(rows, found, items);
  const positions = new Map<number, number>();
  const given = new Map<number, Map<number, number>>();
  const give = (type: number, source: number, many: number): void => {
    const ofType = given.get(type) ?? new Map<number, number>();
    given.set(type, ofType.set(source, (ofType.get(source) ?? 0) + many));
  };
  const ofStates = new Map<number, number>();
  for (const item of items) {
    const position = (positions.get(item.type) ?? 0) + 1;
    positions.set(item.type, position);
    const asked = { ...item, path: files[item.file]!.path, position };
    const source = firstOf(rules, (rule) => rule(asked)) ?? sources.sourceOf(item);
    if (item.row === undefined) ofStates.set(item.state!, source);
    else rows.source[item.row] = rows.sourceRow(source);
    give(item.type, source, 1);
  }
  const events = found.headerlessEvents.rows;
  const byDefault = sources.sourceOf({ type: PHYSICS_EVENT, originalSource: undefined });
  if (rules.length === 0) {
    const sourceRow = events.length === 0 ? 0 : rows.sourceRow(byDefault);
    for (const row of events) rows.source[row] = sourceRow;
    if (events.length > 0) give(PHYSICS_EVENT, byDefault, events.length);
  } else giveByRules(rows, events, { rules, files, byDefault, give });
  return { ofStates, given };
}

/** Events say nothing of their source. */
function giveByRules(
  rows: RingRows,
  events: Uint32Array,
  by: {
    readonly rules: readonly HeaderlessRule[];
    readonly files: readonly RingFile[];
    readonly byDefault: number;
    readonly give: (type: number, source: number, many: number) => void;
  },
): void {
  const { rules, files, byDefault, give } = by;
  let file = 0;
  for (const [k, row] of events.entries()) {
    while (rows.offset[row]! >= files[file]!.base + files[file]!.sizeBytes) file++;
    const { path } = files[file]!;
    const event = { type: PHYSICS_EVENT, path, position: k + 1, originalSource: undefined };
    const source = firstOf(rules, (rule) => rule(event)) ?? byDefault;
    rows.source[row] = rows.sourceRow(source);
    give(PHYSICS_EVENT, source, 1);
  }
}

/** Of what has no header and could have one: RING_FORMAT and EVB_GLOM_INFO never have. */
function itemsOf({ states, headerless }: ScanFound, version: number): Item[] {
  const bare = states.flatMap((state, number) => {
    const never = state.type === ITEM_TYPE.RING_FORMAT || state.type === ITEM_TYPE.EVB_GLOM_INFO;
    if (state.source !== undefined || never || state.row !== undefined) return [];
    const { type, file, originalSource } = state;
    return [{ type, file, originalSource, row: undefined, state: number }];
  });
  const items = [...bare, ...headerless.map((item) => ({ ...item, state: undefined }))];
  return version < 12 ? items.map((item) => ({ ...item, originalSource: undefined })) : items;
}

/** What a run shows of its sources. */
class RunSources {
  readonly #known: readonly number[];
  /** Where all else says nothing. */
  readonly #default: number;
  /** Sources that have none with header, ascending, by type of state change. */
  readonly #lacking: ReadonlyMap<number, readonly number[]>;
  /** Original sources that tell the headerless items of a type of state change apart. */
  readonly #telling: ReadonlyMap<number, boolean>;
  readonly #places = new Map<number, number>();

  constructor(rows: RingRows, { states }: ScanFound, items: readonly Item[]) {
    const shown = [...rows.sourceIds, ...states.flatMap(({ source }) => source ?? [])];
    const fragments = sourcesOfFragments(rows);
    // A builder's own counts and scalers make it no source.
    const begins = states.flatMap(({ source, type }) =>
      source !== undefined && isStateChange(type) ? source : [],
    );
    const known = [...fragments, ...begins];
    this.#known = [...new Set(known.length > 0 ? known : shown)].sort((one, other) => one - other);
    const having = (type: number): Set<number | undefined> =>
      new Set(states.filter((state) => state.type === type).map(({ source }) => source));
    this.#lacking = new Map(
      STATE_CHANGES.map((type) => {
        const has = having(type);
        return [type, this.#known.filter((id) => !has.has(id))];
      }),
    );
    this.#telling = new Map(
      STATE_CHANGES.map((type) => {
        const ids = items.filter((item) => item.type === type).map((item) => item.originalSource);
        return [type, tellApart(ids)];
      }),
    );
    const begun = having(ITEM_TYPE.BEGIN_RUN);
    const withoutBegin = this.#known.find((id) => fragments.has(id) && !begun.has(id));
    this.#default = withoutBegin ?? this.#known[0] ?? 0;
  }

  sourceOf({ type, originalSource }: Pick<Item, "type" | "originalSource">): number {
    if (originalSource !== undefined && (this.#telling.get(type) ?? true)) return originalSource;
    if (this.#known.length === 1) return this.#known[0]!;
    if (!isStateChange(type)) return this.#default;
    const place = this.#places.get(type) ?? 0;
    this.#places.set(type, place + 1);
    const lacking = this.#lacking.get(type)!;
    // PAUSE and RESUME come again and again: then it is the first source's turn once more.
    return lacking[place % Math.max(1, lacking.length)] ?? this.#default;
  }
}

/** Ids of sources that have fragments, as far as these say so themselves. */
function sourcesOfFragments({ count, kind, source, sourceIds }: RingRows): Set<number> {
  const has = new Uint8Array(sourceIds.length);
  for (let row = 0; row < count; row++)
    if ((kind[row]! & (RUN_ITEM | ROW.headerless)) === 0) has[source[row]!] = 1;
  return new Set(sourceIds.filter((_, row) => has[row] === 1));
}

/**
 * Whether ids tell items apart that come in groups: each is in every group once. Some writers leave 0 in
 * all, which tells nothing of more than one.
 */
function tellApart(ids: readonly (number | undefined)[]): boolean {
  const counts = new Map<number | undefined, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const [times] = counts.values();
  if (counts.size === 1) return times === 1;
  return [...counts.values()].every((count) => count === times);
}

const STATE_CHANGES = [
  ITEM_TYPE.BEGIN_RUN,
  ITEM_TYPE.END_RUN,
  ITEM_TYPE.PAUSE_RUN,
  ITEM_TYPE.RESUME_RUN,
];

function firstOf<Item, Value>(
  items: readonly Item[],
  of: (item: Item) => Value | undefined,
): Value | undefined {
  for (const item of items) {
    const value = of(item);
    if (value !== undefined) return value;
  }
  return undefined;
}
