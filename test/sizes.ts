/**
 * How much each campaign does: `quick` in the plain test command (10 minutes for everything, with
 * Node and npm alone), `full` with --all. One table, so that nobody has to look for them.
 */
const SIZES = {
  /** Random histories of the pure scheduler. */
  scheduleHistories: { quick: { runs: 20_000 }, full: { runs: 50_000 } },
  /** Mutated frames that every decoder is given. */
  fuzzFrames: { quick: { frames: 20_000 }, full: { frames: 1_000_000 } },
  /** Damaged HDF5 files, of each of which five data sets' storage is read. */
  fuzzStorage: { quick: { cases: 1000 }, full: { cases: 3000 } },
  /** Damaged files that whole commands are given. */
  damagedCommands: { quick: { files: 10 }, full: { files: 25 } },
  /** A run by h5py with events of 1 MB. */
  oracleLarge: { quick: { events: 50, ints: 1000 }, full: { events: 400, ints: 250_000 } },
  /** The first file of a mock run that must not take more memory. */
  generateLarge: { quick: { gigabytes: 0.1 }, full: { gigabytes: 10 } },
  /** An index of many events, and the memory of a coordinator that works on them. */
  indexEvents: { quick: { millions: 1 }, full: { millions: 10 } },
} as const;

type Sizes = {
  readonly [Name in keyof typeof SIZES]: Readonly<
    Record<keyof (typeof SIZES)[Name]["full"], number>
  >;
};

const chosen = process.env["EVB_SIZES"] === "full" ? "full" : "quick";

/** The size of each campaign in this run. */
export const sizes = Object.fromEntries(
  Object.entries(SIZES).map(([name, size]) => [name, size[chosen]]),
) as Sizes;
