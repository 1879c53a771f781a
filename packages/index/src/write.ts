import { sourceOfFragment, type Elements } from "@evb/event";
import { Hdf5Writer, type Hdf5 } from "@evb/formats";
import { belowRoot } from "./inputs.ts";
import type { IndexContent, IndexOrder } from "./order.ts";
import type { IndexedSource, ScannedFile } from "./run-scan.ts";
import type { LabelTable } from "./scan.ts";
import { shapeText } from "./shape-text.ts";
import { storageText } from "./storage-text.ts";

/** docs/index-format.md says what each data set holds; a change there counts this up. */
export const INDEX_FORMAT = "evb-index";
export const INDEX_VERSION = 4;

/** Writes the index slab by slab; whoever calls renames it. */
export function writeIndex(
  hdf5: Hdf5,
  path: string,
  order: IndexOrder,
  content: IndexContent,
): void {
  const { scan, sources, match } = content;
  const { labels } = scan;
  const writer = new Hdf5Writer(hdf5, path);
  try {
    writeProvenance(writer, order, content);
    writeFiles(writer, content);
    writeSources(writer, content);
    writeFragments(writer, sources);
    writeStorage(writer, content);
    if (!areFirstStamps(content)) writer.writeColumn("/events/time", "u8", match.time);
    writer.writeColumn("/events/start", "u4", match.start);
    writer.writeColumn("/events/fragment", "u4", match.fragment);
    if (labels !== undefined) writeLabels(writer, labels);
  } finally {
    writer.close();
  }
}

/** Whether each event has the stamp of its first fragment, so that it is known from that. */
function areFirstStamps({ sources, match }: IndexContent): boolean {
  const { time, start, fragment } = match;
  const starts = Float64Array.from(sources, ({ fragmentFirst }) => fragmentFirst);
  return time.every((stamp, event) => {
    if (start[event] === start[event + 1]) return false;
    const first = fragment[start[event]!]!;
    const source = sourceOfFragment(starts, first);
    return sources[source]!.times[first - starts[source]!] === stamp;
  });
}

function writeProvenance(writer: Hdf5Writer, order: IndexOrder, content: IndexContent): void {
  writer.attribute("format", INDEX_FORMAT);
  writer.attribute("version", INDEX_VERSION);
  writer.attribute("evb", order.evbVersion);
  const { root, layout, options } = content.scan;
  writer.attribute("root", root);
  writer.attribute("layout", layout);
  for (const [name, value] of Object.entries(options)) writer.attribute(name, value);
  for (const [name, value] of Object.entries(content.matched)) writer.attribute(name, value);
  writer.attribute("select", content.selection ?? "all");
  writer.attribute("require", String(order.require));
  if (order.sources !== undefined) writer.attribute("sources", order.sources);
  const multiplicity = Object.entries(content.report.multiplicity);
  writer.writeColumn(
    "/multiplicity/fragments",
    "u4",
    Uint32Array.from(multiplicity, ([n]) => Number(n)),
  );
  writer.writeColumn("/multiplicity/events", "u8", u64(multiplicity.map(([, events]) => events)));
}

function writeFiles(writer: Hdf5Writer, { scan, files }: IndexContent): void {
  const prints = files.map(({ fingerprint }) => fingerprint);
  writer.writeStrings(
    "/files/path",
    files.map(({ path }) => belowRoot(path, scan.root)),
  );
  writer.writeColumn("/files/size", "u8", u64(prints.map(({ sizeBytes }) => sizeBytes)));
  writer.writeColumn(
    "/files/mtime",
    "u8",
    BigUint64Array.from(prints, ({ mtimeNs }) => mtimeNs),
  );
  writer.writeStrings(
    "/files/fingerprint",
    prints.map(({ ends }) => ends),
  );
}

function writeSources(writer: Hdf5Writer, { files, sources, report }: IndexContent): void {
  writer.writeStrings(
    "/sources/name",
    sources.map(({ name }) => name),
  );
  writer.writeColumn(
    "/sources/file",
    "u4",
    rowsOf(
      files,
      sources.map(({ file }) => file),
    ),
  );
  writer.writeStrings(
    "/sources/time",
    sources.map(({ time }) => time),
  );
  writer.writeStrings(
    "/sources/payload",
    sources.map(({ payload }) => payload),
  );
  writer.writeStrings(
    "/sources/type",
    sources.map(({ storedType }) => storedType),
  );
  writer.writeStrings("/sources/item_shape", sources.map(shapeText));
  writer.writeColumn(
    "/sources/first",
    "u8",
    u64(sources.map(({ fragmentFirst }) => fragmentFirst)),
  );
  const counts = [
    ["rows", "rows"],
    ["matched", "matched"],
    ["unmatched", "unmatched"],
    ["duplicates", "duplicates"],
    ["out_of_order", "outOfOrder"],
  ] as const;
  for (const [column, field] of counts)
    writer.writeColumn(`/sources/${column}`, "u8", u64(report.sources.map((each) => each[field])));
}

function writeFragments(writer: Hdf5Writer, sources: readonly IndexedSource[]): void {
  const rows = sources.reduce((sum, { times }) => sum + times.length, 0);
  const column = writer.column("/fragments/time", "u8", rows);
  for (const { times, fragmentFirst } of sources) column.write(fragmentFirst, times);
}

function writeLabels(writer: Hdf5Writer, labels: LabelTable): void {
  writer.writeColumn("/labels/time", "u8", labels.times);
  for (const [name, column] of labels.columns) {
    const type = labels.types.get(name);
    if (type === undefined) writer.writeStrings(`/labels/${name}`, column as readonly string[]);
    else writer.writeColumn(`/labels/${name}`, type, column as Elements);
  }
}

const rowsOf = (files: readonly ScannedFile[], wanted: readonly ScannedFile[]): Uint32Array => {
  const rows = new Map(files.map((file, row) => [file, row]));
  return Uint32Array.from(wanted, (file) => rows.get(file)!);
};

/** Where rows lie: what is the same for all of a source, and columns of its chunks. */
function writeStorage(writer: Hdf5Writer, { files, sources }: IndexContent): void {
  const payloadFiles = rowsOf(
    files,
    sources.map(({ payloadFile }) => payloadFile),
  );
  writer.writeColumn("/sources/payload_file", "u4", payloadFiles);
  const storages = sources.map(({ storage }) => storage);
  writer.writeStrings("/sources/storage", storages.map(storageText));
  const places = storages.map((storage) =>
    storage.kind === "direct" ? storage.places : undefined,
  );
  const address = places.map((place) => place?.address ?? new Float64Array(0));
  writeParts(writer, "address", "f8", address);
  for (const column of ["stored", "mask"] as const)
    writeParts(
      writer,
      column,
      "u4",
      places.map((place) => place?.[column] ?? new Uint32Array(0)),
    );
}

/** Columns of sources, one behind the other, and where each begins. */
function writeParts(
  writer: Hdf5Writer,
  name: string,
  type: "f8" | "u4",
  parts: readonly (Float64Array | Uint32Array)[],
): void {
  const entries = parts.reduce((sum, { length }) => sum + length, 0);
  const column = writer.column(`/chunks/${name}`, type, entries);
  let first = 0;
  const firsts = parts.map((part) => {
    if (part.length > 0) column.write(first, part);
    first += part.length;
    return part.length > 0 ? first - part.length : NONE;
  });
  writer.writeColumn(`/sources/${name}_first`, "i8", BigInt64Array.from(firsts, BigInt));
}

/** A source that has nothing in a column of chunks. */
const NONE = -1;

const u64 = (numbers: readonly number[]): BigUint64Array => BigUint64Array.from(numbers, BigInt);
