/** docs/index-format.md says what each data set holds; a change there counts the version up. */
export const RING_INDEX_FORMAT = "evb-ring-index";
export const RING_INDEX_VERSION = 1;

/** Numbers of the run that are one each, as columns of one row: name in the file, field of RingRun. */
export const RUN_NUMBERS = [
  ["number", "number"],
  ["items", "itemsIn"],
  ["built_events", "builtEvents"],
  ["fragments", "fragments"],
  ["backward_steps", "backwardSteps"],
] as const;

/** What a source's fragments showed: column, field of RingSource. */
export const SOURCE_COUNTS = [
  ["fragments", "fragments"],
  ["run_items", "runItems"],
  ["null_stamps", "nullStamps"],
  ["duplicates", "duplicates"],
  ["out_of_order", "outOfOrder"],
  ["late", "late"],
] as const;

export const SOURCE_TICKS = [
  ["lateness_max", "latenessMax"],
  ["first", "first"],
  ["last", "last"],
] as const;

/** Of BEGIN_RUN, END_RUN, RING_FORMAT … : column, its type, field of EndItem. */
export const END_COLUMNS = [
  ["type", "u4", "type"],
  ["offset", "u8", "offset"],
  ["size", "u4", "size"],
  ["source", "u4", "source"],
  ["barrier", "u4", "barrier"],
  ["kind", "u4", "kind"],
] as const;

/** Which of the run's lists such an item is of. */
export const END_LISTS = { begins: 0, ends: 1, format: 2 } as const;
