import { asElementType, sentenceOf, type ElementType } from "@evb/event";
import { fault } from "../faults.ts";
import {
  Hdf5DataSet,
  stringType,
  type DataSetShape,
  type ElementShape,
  type RowElements,
} from "./data-set.ts";
import type { Hdf5 } from "./library.ts";
import { locate } from "./locate.ts";
import { openForReading, type LibraryFile } from "./open.ts";
import { readStorage, type Storage } from "./storage/storage.ts";

export type AttributeValue = string | number | bigint;

/** One line of a file's table of contents. */
export interface Hdf5Node {
  readonly path: string;
  readonly kind: "group" | "data set" | "broken link" | "external link" | "other";
  /** Data sets only. */
  readonly shape?: DataSetShape;
}

/** HDF5's type classes (H5Tpublic.h, H5T_class_t) that have a short name. */
const CLASS_NAMES: Readonly<Record<number, string>> = {
  2: "times",
  4: "bit fields",
  5: "opaque bytes",
  6: "compounds",
  7: "references",
  8: "enumerations",
  9: "variable-length sequences",
  10: "arrays",
};
const CLASS_INTEGER = 0;
const CLASS_FLOAT = 1;
const CLASS_STRING = 3;
/** Number of elements 4 | address of the heap that has them 8 | which one there 4 (HDF5 File Format Specification 3.0, IV.A.2.d, VIII). */
const STORED_SEQUENCE_BYTES = 16;

/** An HDF5 file, open for reading. Whoever opens it closes it. */
export class Hdf5File {
  readonly path: string;
  readonly #hdf5: Hdf5;
  readonly #file: LibraryFile;

  /** @throws EvbError "hdf5-cannot-open" */
  constructor(hdf5: Hdf5, path: string) {
    this.path = path;
    this.#hdf5 = hdf5;
    this.#file = openForReading(hdf5, path);
  }

  /** @throws EvbError "hdf5-no-such-data-set" */
  dataSet(path: string): Hdf5DataSet {
    const shape = this.shapeOf(path);
    if (shape === undefined) throw this.#noDataSet(path, this.absence(path));
    return new Hdf5DataSet(this.#hdf5, { id: this.#file.file_id, path: this.path }, path, shape);
  }

  /** What the data set is, or undefined where there is none of this name. */
  shapeOf(path: string): DataSetShape | undefined {
    if (this.#kindOf(path) !== "data set") return undefined;
    const { module } = this.#hdf5;
    const id = this.#file.file_id;
    const { result, reason } = this.#hdf5.quietly(() => {
      try {
        const metadata = module.get_dataset_metadata(id, path);
        return { metadata, filters: module.get_dataset_filters(id, path) };
      } catch (thrown) {
        return sentenceOf(thrown);
      }
    });
    if (typeof result === "string") throw this.#noDataSet(path, reason || result);
    const { metadata, filters } = result;
    return {
      shape: metadata.shape ?? [],
      ...typeOf(metadata),
      chunk: metadata.chunks ?? undefined,
      filters: filters.map((filter) => filterName(filter)),
    };
  }

  /**
   * Where the data set's bytes are, for reading them without the library; links are followed to the file that has it.
   *
   * @throws EvbError "hdf5-no-such-data-set", "hdf5-storage-damaged", "hdf5-cannot-open"
   */
  storageOf(path: string): Storage {
    const shape = this.shapeOf(path);
    if (shape === undefined) throw this.#noDataSet(path, this.absence(path));
    const { type, typeName, sequenceOf } = shape;
    const other = { kind: "other", reason: `it holds ${typeName}` } as const;
    if (type === undefined && sequenceOf === undefined) return other;
    const located = locate(this.#hdf5, { id: this.#file.file_id, path: this.path }, path);
    if ("reason" in located) return { kind: "other", reason: located.reason };
    if (String(located.space.shape) !== String(shape.shape))
      return {
        kind: "other",
        reason: "its links lead evb and the HDF5 library to different places",
      };
    if (sequenceOf === undefined) return readStorage({ ...located, dataSet: path }, located.space);
    // Where they lie only the library knows; what can't be right is found all the same.
    readStorage(
      { ...located, dataSet: path },
      { ...located.space, elementBytes: STORED_SEQUENCE_BYTES },
    );
    return other;
  }

  /** Everything in the file, by path, at most `max` entries. */
  *contents(max: number): Generator<Hdf5Node> {
    const open = ["/"];
    for (let seen = 0; open.length > 0 && seen < max;) {
      const group = open.shift()!;
      for (const name of this.names(group)) {
        const path = group === "/" ? `/${name}` : `${group}/${name}`;
        const kind = this.#kindOf(path);
        const shape = kind === "data set" ? this.shapeOf(path) : undefined;
        yield { path, kind, ...(shape && { shape }) };
        if (kind === "group") open.push(path);
        if (++seen >= max) return;
      }
    }
  }

  /** Names in a group, sorted; empty where there is no such group. */
  names(group: string): string[] {
    if (group !== "/" && this.#kindOf(group) !== "group") return [];
    return this.#namesIn(group) ?? [];
  }

  /** Undefined where it is no group: what can't be reached passes for one until it is opened. */
  #namesIn(group: string): string[] | undefined {
    return this.#hdf5.quietly(() => {
      try {
        const at = group === "/" ? this.#file : this.#file.get(group);
        return at !== null && "keys" in at ? at.keys().sort() : undefined;
      } catch {
        return undefined;
      }
    }).result;
  }

  /**
   * Undefined where it has none that is a number or a text, or is damaged.
   *
   * @param group that has it
   */
  attribute(name: string, group = "/"): AttributeValue | undefined {
    const { result } = this.#hdf5.quietly(() => {
      try {
        const at = group === "/" ? this.#file : this.#file.get(group);
        if (at === null || !("keys" in at) || !(name in at.attrs)) return undefined;
        return at.get_attribute(name, false);
      } catch {
        return undefined;
      }
    });
    return typeof result === "string" || typeof result === "number" || typeof result === "bigint"
      ? result
      : undefined;
  }

  close(): void {
    this.#file.close();
  }

  #kindOf(path: string): Hdf5Node["kind"] {
    const { module } = this.#hdf5;
    const { result } = this.#hdf5.quietly(() => {
      try {
        return module.get_type(this.#file.file_id, path);
      } catch {
        return -1;
      }
    });
    if (result === module.H5G_DATASET) return "data set";
    if (result === module.H5G_GROUP) return "group";
    if (result === module.H5G_LINK) return this.#followed(path) ?? "broken link";
    if (result === module.H5G_UDLINK) return this.#followed(path) ?? "external link";
    return result < 0 ? "broken link" : "other";
  }

  /** What is there in place of a data set: the end of a sentence. */
  absence(path: string): string {
    const kind = this.#kindOf(path);
    if (kind === "group" && this.#namesIn(path) !== undefined) return "it is a group";
    if (kind === "external link") {
      const { filename, obj_path } = this.#file.get_external_link(path);
      return `it is a link to ${obj_path} in ${filename}, which can't be reached`;
    }
    // The library's declaration leaves out that there may be no link.
    const target = this.#hdf5.quietly(() => this.#file.get_link(path) as string | null).result;
    if (target !== null) return `it is a link to ${target}, which isn't there`;
    return "nothing of this name is there";
  }

  /** What a soft or external link leads to, if it leads anywhere. */
  #followed(path: string): "group" | "data set" | undefined {
    const { module } = this.#hdf5;
    const id = this.#file.file_id;
    return this.#hdf5.quietly(() => {
      try {
        module.get_dataset_metadata(id, path);
        return "data set" as const;
      } catch {
        return undefined;
      }
    }).result;
  }

  #noDataSet(dataSet: string, reason: string): Error {
    return fault("hdf5-no-such-data-set", { path: this.path, dataSet, reason });
  }
}

interface TypeMetadata {
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly littleEndian: boolean;
  readonly vlen: boolean;
  /** Of enumerations: the class of what their values are. */
  readonly enum_type?: { readonly type: number };
  /** Of sequences: what they are of. */
  readonly vlen_type?: TypeMetadata;
}

function typeOf({ vlen_type, ...metadata }: TypeMetadata): RowElements {
  const element = elementOf(metadata);
  if (vlen_type === undefined) return element;
  const { type, typeName, isEnumeration } = typeOf(vlen_type);
  // Of enumerations the library gives other values, and says nothing.
  const isNumber = type !== undefined && !type.startsWith("S") && !isEnumeration;
  return {
    ...element,
    typeName: `${element.typeName} of ${isEnumeration ? "enumerations" : typeName}`,
    ...(isNumber && { sequenceOf: { type: type as ElementType, typeName, isEnumeration } }),
  };
}

function elementOf(metadata: Omit<TypeMetadata, "vlen_type">): ElementShape {
  const { type, size, signed, littleEndian, vlen, enum_type } = metadata;
  const isEnumeration = enum_type?.type === CLASS_INTEGER;
  const plain = { type: undefined, isEnumeration };
  if (type === CLASS_STRING && vlen) return { ...plain, typeName: "variable-length strings" };
  if (type === CLASS_STRING)
    return { ...plain, type: stringType(size), typeName: `|S${String(size)}` };
  if (type === CLASS_INTEGER || type === CLASS_FLOAT || isEnumeration) {
    const letter = type === CLASS_FLOAT ? "f" : signed ? "i" : "u";
    const order = size === 1 ? "|" : littleEndian ? "<" : ">";
    const name = `${letter}${String(size)}`;
    // f4 holds what 16-bit floats are.
    const given = name === "f2" ? "f4" : asElementType(name);
    return { ...plain, type: given, typeName: `${order}${name}` };
  }
  return { ...plain, typeName: CLASS_NAMES[type] ?? `values of HDF5 class ${String(type)}` };
}

function filterName(filter: { id: number; name: string }): string {
  return filter.name === "" ? `filter ${String(filter.id)}` : filter.name;
}
