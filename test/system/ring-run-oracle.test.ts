import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { describeWith } from "../support/capabilities.ts";
import { EVB, evb, oracle, run, temporaryFolder } from "../support/system.ts";

/** Shapes by ring_make.py; their events and the sums of their payloads by ring_events.py. */
interface Made {
  readonly shape: unknown;
  readonly files: readonly string[];
  /** Options of `evb order`. */
  readonly cases: readonly (readonly string[])[];
}

interface Fragment {
  readonly source: string;
  readonly file: string;
  readonly row: number;
  readonly time: string;
}

interface Event {
  readonly event: number;
  readonly time: string;
  readonly fragments: readonly (Fragment & {
    readonly bytes: number;
    readonly first: number;
    readonly words: number;
  })[];
}

interface Report {
  readonly bytes: number;
  readonly digest: string;
}

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);
/** So many cases of each shape are run, too: what is read is the same in all. */
const RUN_CASES = 2;
const MINUTE = 60_000;
/** Those of `evb order` that say how items are read and matched; the rest is of what it writes. */
const SHARED = ["--window", "--match", "--depth", "--timestamp-at", "--headerless"];

const folder = temporaryFolder();
afterAll(folder.remove);

const linesOf = <Line>(text: string): Line[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

const optionsOf = (words: readonly string[]): string[] =>
  words.flatMap((word, k) =>
    SHARED.includes(word) && !(word === "--match" && !words.includes("--window"))
      ? [word, words[k + 1]!]
      : [],
  );

/** Of each fragment of results.h5 `event source row: first sum`. */
async function fragmentsIn(out: string, sources: readonly string[]): Promise<string[]> {
  const file = new Hdf5File(await loadHdf5(), join(out, "results.h5"));
  try {
    const column = (name: string): number[] =>
      Array.from(
        file.dataSet(`/fragments/${name}`).readColumn() as ArrayLike<number | bigint>,
        Number,
      );
    const [event, source, row, first, sum] = ["event", "source", "row", "first", "sum"].map(column);
    return event!.map(
      (id, k) =>
        `${String(id)} ${sources[source![k]!]!} ${String(row![k])}: ${String(first![k])} ${String(sum![k])}`,
    );
  } finally {
    file.close();
  }
}

describe.each(SEEDS)("shape %i", (seed) => {
  const home = join(folder.path, `shape-${String(seed)}`);
  const out = join(home, "x.index.h5");
  let made: Made;

  beforeAll(() => {
    made = JSON.parse(oracle("ring_make.py", "--seed", String(seed), home)) as Made;
  });
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });

  test(
    "has the events that the checker finds, and its words add up",
    async () => {
      const cases = [...new Set(made.cases.map((words) => optionsOf(words).join(" ")))];
      for (const [k, words] of cases.entries()) {
        // A shape may be of two runs; here they are one.
        const options = [...words.split(" ").filter(Boolean), "--run", "1"];
        const place = `seed ${String(seed)}, ${options.join(" ")}: ${JSON.stringify(made.shape)}`;
        const indexing = ["index", ...made.files, "-o", out, "--force", "--json", "--quiet"];
        const indexed = run(process.execPath, [EVB, ...indexing, ...options]);
        const wanted = linesOf<Event>(
          oracle("ring_events.py", "--root", home, ...options, ...made.files),
        );
        if (wanted.length === 0) {
          expect({ place, code: indexed.code }).toEqual({ place, code: 3 });
          continue;
        }
        const events = linesOf<Event>(evb("inspect", out, "--events", "--json"));
        expect({ place, events }).toEqual({ place, events: wanted.map(listed) });
        const { sources } = JSON.parse(indexed.stdout) as { sources: { source: string }[] };
        if (k < RUN_CASES)
          await expectWords(
            place,
            sources.map(({ source }) => source),
            wanted,
          );
      }
    },
    5 * MINUTE,
  );

  async function expectWords(
    place: string,
    sources: readonly string[],
    wanted: readonly Event[],
  ): Promise<void> {
    const words = ["--force", "--clients", "1", "--json", "--quiet"];
    const report = JSON.parse(evb("run", out, "-o", join(home, "out"), ...words)) as Report;
    const all = wanted.flatMap(({ event, fragments }) =>
      fragments.map((one) => ({ ...one, event })),
    );
    const lines = all.map(
      ({ event, source, row, first, words: sum }) =>
        `${String(event)} ${source} ${String(row)}: ${String(first)} ${String(sum)}`,
    );
    const found = await fragmentsIn(join(home, "out"), sources);
    expect({ place, found: found.sort() }).toEqual({ place, found: lines.sort() });
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    expect({ place, bytes: report.bytes }).toEqual({ place, bytes });
  }
});

/** What `evb inspect` says of them. */
const listed = ({ event, time, fragments }: Event): object => ({
  event,
  time,
  fragments: fragments.map(({ source, file, row, time: own }) => ({
    source,
    file,
    row,
    time: own,
  })),
});

describeWith(["h5py"], "a larger run", () => {
  test(
    "has the same digest for any number of clients and any batch size, and h5py's",
    () => {
      const data = join(folder.path, "large");
      const size = ["--triggers", "5000", "--disorder", "0.02", "--format", "11", "--big-endian"];
      oracle("../bench/peers/mkevt.py", "-o", `${data}.evt`, "--sources", "4", ...size);
      evb("index", `${data}.evt`, "-o", `${data}.index.h5`, "--window", "100", "--quiet");
      const digests = ["1", "2", "5"].flatMap((clients) =>
        ["1", "7", "10000"].map((batch) => {
          const words = ["--clients", clients, "--batch", batch, "--force", "--json", "--quiet"];
          const report = evb("run", `${data}.index.h5`, "-o", `${data}.out`, ...words);
          return (JSON.parse(report) as Report).digest;
        }),
      );
      expect(new Set(digests).size).toBe(1);
      expect(oracle("digest.py", join(`${data}.out`, "results.h5")).trim()).toBe(digests[0]);
    },
    5 * MINUTE,
  );
});
