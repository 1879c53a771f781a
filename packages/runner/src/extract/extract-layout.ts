import {
  alignedTo,
  cellBytes,
  compressionFilters,
  encodeStructure,
  missingElement,
  stringType,
  type CellType,
  type ChunkCompression,
  type NewAttributes,
  type NewDataSet,
  type NewNode,
  type NewStorage,
} from "@evb/formats";
import { elementBytes } from "@evb/event";
import type { IndexLabel, RunEvents } from "@evb/index";
import { groupNames } from "../group-names.ts";
import type { ExtractedSource, ExtractShape } from "./extract-shape.ts";

/** A column of the output: a data set of one dimension, in one piece. */
interface Column {
  readonly type: CellType;
  readonly rows: number;
  readonly address: number;
}

/** Columns begin at multiples of it: no element straddles a cache line where it is mapped. */
const COLUMN_ALIGNMENT = 8;
/** Data begin with a page. */
const DATA_ALIGNMENT = 4096;

/** Links in the group of a source; `time` only where fragments have stamps of their own. */
const SOURCE_COLUMNS = { row: "i8", status: "u1", time: "u8" } as const;
type SourceColumn = keyof typeof SOURCE_COLUMNS;

/** Where everything of an extract lies that doesn't depend on which rows there are. */
export class ExtractLayout {
  readonly #shape: ExtractShape;
  readonly #names: readonly string[];
  readonly #attributes: NewAttributes;
  readonly #compression: ChunkCompression | undefined;
  readonly #files: RunEvents["files"];
  readonly #sourceColumns: readonly SourceColumn[];
  /** By path, in the order of the file. */
  readonly #columns = new Map<string, Column>();
  /** Where data may begin. */
  readonly dataBegin: number;

  constructor(
    shape: ExtractShape,
    parts: {
      readonly files: RunEvents["files"];
      readonly labels: readonly IndexLabel[];
      /** Of the file. */
      readonly attributes: NewAttributes;
      readonly compression: ChunkCompression | undefined;
      /** Whether fragments have stamps of their own. */
      readonly hasStamps: boolean;
    },
  ) {
    this.#shape = shape;
    this.#attributes = parts.attributes;
    this.#compression = parts.compression;
    this.#files = parts.files;
    this.#sourceColumns = parts.hasStamps ? ["row", "status", "time"] : ["row", "status"];
    this.#names = groupNames(shape.sources.map(({ source }) => source.name));
    const sizes = this.#columnSizes(parts.labels);
    // Addresses don't change the structure's length, so it is measured with none.
    for (const [path, { type, rows }] of sizes) this.#columns.set(path, { type, rows, address: 0 });
    const none = shape.sources.map((source) => this.storage(source, 0));
    let at = this.structure(none, 0).length;
    for (const [path, { type, rows }] of sizes) {
      at = alignedTo(at, COLUMN_ALIGNMENT);
      this.#columns.set(path, { type, rows, address: at });
      at += rows * cellBytes(type);
    }
    this.dataBegin = alignedTo(at, DATA_ALIGNMENT);
  }

  /** Where row 0 of a column lies. */
  addressOf(path: string): number {
    return this.#columns.get(path)!.address;
  }

  /** Path of a source's column. */
  pathOf(source: number, column: SourceColumn): string {
    return `/sources/${this.#names[source]!}/${column}`;
  }

  /** @param address of its first row, or of the tree of its chunks */
  storage(
    { chunkEvents, source: { itemShape, type }, rowBytes }: ExtractedSource,
    address: number | undefined,
  ): NewStorage {
    if (chunkEvents === 0)
      return { kind: "contiguous", address: rowBytes === 0 ? undefined : address };
    const filters = this.#compression && compressionFilters(this.#compression, elementBytes(type));
    const chunk = [chunkEvents, ...itemShape];
    return { kind: "chunked", chunk, filters: filters ?? [], treeAddress: address };
  }

  /**
   * The beginning of the file.
   *
   * @param data of each source
   * @param failed rows that couldn't be read
   */
  structure(data: readonly NewStorage[], fileBytes: number, failed = 0): Uint8Array {
    const groups = new Map<string, Map<string, NewNode>>();
    for (const [path, column] of this.#columns) {
      const at = path.lastIndexOf("/");
      const group = path.slice(1, at);
      const members = groups.get(group) ?? new Map<string, NewNode>();
      groups.set(group, members.set(path.slice(at + 1), columnNode(column)));
    }
    const sources = new Map<string, NewNode>();
    this.#shape.sources.forEach((source, row) => {
      const name = this.#names[row]!;
      const columns = groups.get(`sources/${name}`)!;
      groups.delete(`sources/${name}`);
      const members = columns.set("data", this.#dataNode(source, data[row]!));
      const attributes = this.#sourceAttributes(source, row);
      sources.set(name, { kind: "group", members, attributes });
    });
    const members = new Map<string, NewNode>();
    for (const [name, inner] of groups) members.set(name, { kind: "group", members: inner });
    members.set("sources", { kind: "group", members: sources });
    const root = { kind: "group", members, attributes: { ...this.#attributes, failed } } as const;
    return encodeStructure(root, fileBytes);
  }

  #dataNode({ source: { type, itemShape } }: ExtractedSource, storage: NewStorage): NewDataSet {
    const shape = [this.#shape.events, ...itemShape];
    return { kind: "data set", type, shape, storage, fill: missingElement(type) };
  }

  /** @param number its place among the sources, which their groups' names don't tell */
  #sourceAttributes({ source }: ExtractedSource, number: number): NewAttributes {
    const { name, file, payload, payloadFile } = source;
    const paths = this.#files.map(({ path }) => path);
    const elsewhere = payloadFile === file ? {} : { payload_file: paths[payloadFile]! };
    return { source: name, number, file: paths[file]!, payload, ...elsewhere };
  }

  #columnSizes(labels: readonly IndexLabel[]): Map<string, Omit<Column, "address">> {
    const { events, sources } = this.#shape;
    const files = this.#files;
    const sizes = new Map<string, Omit<Column, "address">>([
      ["/events/event", { type: "u8", rows: events }],
      ["/events/time", { type: "u8", rows: events }],
    ]);
    for (const { name, type } of labels) sizes.set(`/labels/${name}`, { type, rows: events });
    const text = (texts: readonly string[]): Omit<Column, "address"> => ({
      type: stringType(texts.reduce((most, each) => Math.max(most, Buffer.byteLength(each)), 1)),
      rows: texts.length,
    });
    sizes.set("/files/path", text(files.map(({ path }) => path)));
    sizes.set("/files/size", { type: "u8", rows: files.length });
    sizes.set("/files/fingerprint", text(files.map(({ ends }) => ends)));
    sources.forEach((_, row) => {
      for (const column of this.#sourceColumns)
        sizes.set(this.pathOf(row, column), { type: SOURCE_COLUMNS[column], rows: events });
    });
    return sizes;
  }
}

const columnNode = ({ type, rows, address }: Column): NewDataSet => ({
  kind: "data set",
  type,
  shape: [rows],
  storage: { kind: "contiguous", address },
});
