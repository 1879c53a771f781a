import { fault } from "./faults.ts";
import { fileBytesOf, type FileBytes } from "./file-bytes.ts";
import { copiesOf, rowCount } from "./file-rows.ts";
import { checkMockRun, EVENTS_MAX, type MockRun } from "./mock-run.ts";
import { fileName, tablesOf } from "./tables.ts";

/** What a mock run will be, before a byte of it is written. */
export interface MockPlan {
  /** Time stamps of the whole run. */
  readonly events: number;
  readonly files: readonly PlannedFile[];
  /** Sum of the files' bytes, to be compared with the free space of the disk. */
  readonly bytes: number;
}

export interface PlannedFile {
  /** Its name in the run's folder. */
  readonly file: string;
  readonly rows: number;
  /** Its size on disk before compression, to within a few kB. */
  readonly bytes: number;
  /** Rows of a chunk: fewer than asked for where the file is shorter or a chunk would be larger than 32 MiB. */
  readonly eventsPerChunk: number;
}

/**
 * Says how many events a run will have, and how large its files will be. Pure: it reads and writes nothing.
 *
 * @throws EvbError "mock-run-unusable"
 */
export function planMockRun(run: MockRun): MockPlan {
  checkMockRun(run);
  const events = run.size.kind === "events" ? run.size.events : eventsForSize(run, run.size.bytes);
  const files: PlannedFile[] = [];
  for (let file = 1; file <= run.files; file++) {
    const rows = rowCount(run, file, events);
    const tables = tablesOf(run, { file, rows, events });
    const eventsPerChunk = tables.at(-1)!.chunkRows;
    files.push({ file: fileName(file), rows, bytes: fileBytesOf(tables).stored, eventsPerChunk });
  }
  return { events, files, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** The first file may miss its size by this share, or by one event. */
const SIZE_TOLERANCE = 0.01;

/**
 * The number of events with which the first file comes closest to its size.
 *
 * What a file needs must meet the size. What is stored may be up to one chunk more, as the last chunk has its full
 * length; of the numbers that meet the size, those are preferred with which that meets it too.
 */
function eventsForSize(run: MockRun, bytes: number): number {
  const tolerance = Math.max(SIZE_TOLERANCE * bytes, run.eventBytes);
  const wanted = { lowest: bytes - tolerance, bytes, highest: bytes + tolerance };
  let best: Candidate | undefined;
  for (const candidate of candidatesForSize(run, wanted.lowest)) {
    if (best === undefined || isBetter(candidate, best, wanted)) best = candidate;
    if (candidate.size.needed > wanted.highest) break;
    if (candidate.events > EVENTS_MAX) throw tooManyEvents(bytes);
  }
  if (best === undefined || best.size.needed > wanted.highest) throw tooSmall(run, bytes, best);
  return best.events;
}

interface Candidate {
  readonly events: number;
  readonly size: FileBytes;
}

/** Bytes; lowest and highest are allowed. */
interface Wanted {
  readonly lowest: number;
  readonly bytes: number;
  readonly highest: number;
}

function isBetter(a: Candidate, b: Candidate, wanted: Wanted): boolean {
  const [gradeA, gradeB] = [grade(a.size, wanted), grade(b.size, wanted)];
  const miss = ({ size }: Candidate): number => Math.abs(size.needed - wanted.bytes);
  return gradeA === gradeB ? miss(a) < miss(b) : gradeA > gradeB;
}

function grade({ needed, stored }: FileBytes, { lowest, highest }: Wanted): 0 | 1 | 2 {
  if (needed < lowest || needed > highest) return 0;
  return stored <= highest ? 2 : 1;
}

/** Numbers of events from 1, ascending: in long strides, none of which can go beyond `bytes`, then each one. */
function* candidatesForSize(run: MockRun, bytes: number): Generator<Candidate> {
  const nextCopies = copiesOf(run, 1);
  let rows = 0;
  for (let events = 1; ; events++) {
    rows += nextCopies();
    const size = fileBytesOf(tablesOf(run, { file: 1, rows, events }));
    yield { events, size };
    const stride = Math.floor(
      (bytes - size.needed) / (2 * run.eventBytes + ROW_OVERHEAD_BYTES_MAX),
    );
    for (let skipped = 1; skipped < stride; skipped++, events++) rows += nextCopies();
  }
}

/** More than an event can add to a file beside its images: stamps, labels, and a new node at each level of each index. */
const ROW_OVERHEAD_BYTES_MAX = 64_000;

function tooManyEvents(bytes: number): Error {
  return fault("mock-run-unusable", {
    problems: [
      `--file-size is ${String(bytes)} bytes, which takes more than ${String(EVENTS_MAX)} events of this --event-size`,
    ],
  });
}

function tooSmall(run: MockRun, bytes: number, first: Candidate | undefined): Error {
  const needed = first === undefined ? run.eventBytes : first.size.needed;
  return fault("mock-run-unusable", {
    problems: [
      `--file-size is ${String(bytes)} bytes, and a file with one event has ${String(needed)}`,
    ],
  });
}
