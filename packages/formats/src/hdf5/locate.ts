import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, basename, resolve } from "node:path";
import { isEvbError, sentenceOf } from "@evb/event";
import type { Hdf5 } from "./library.ts";
import { openForReading, type LibraryFile } from "./open.ts";
import type { DataSpace } from "./storage/chunk-grid.ts";

/** A data set's place in the file that has it. */
export interface Located {
  /** Without symbolic links. */
  readonly path: string;
  /** Bytes from the end of the user block. */
  readonly headerAddress: number;
  readonly space: DataSpace;
}

interface Unknown {
  /** Why the library doesn't say it. */
  readonly reason: string;
}

/** HDF5 itself follows 16 links (H5L_NUM_LINKS) unless told otherwise; more are a circle. */
const LINKS_MAX = 64;
/** What the library gives for "without limit", H5S_UNLIMITED, as a double. */
const UNLIMITED_MIN = 2 ** 63;

/** Where the walk along a path is. */
interface Walker {
  readonly id: bigint;
  readonly filePath: string;
  /** Groups that were entered. */
  readonly group: string;
  /** Names that are still to come. */
  readonly rest: readonly string[];
}

/**
 * Follows a path to the file and the object header of a data set.
 *
 * An object reference is the object header's address (H5Rpublic.h, hobj_ref_t), but through an external link it is the
 * address in the other file, and doesn't say so. Hence we walk name by name, and follow each link ourselves.
 */
export function locate(
  hdf5: Hdf5,
  file: { id: bigint; path: string },
  dataSet: string,
): Located | Unknown {
  const opened: LibraryFile[] = [];
  let at: Walker = {
    id: file.id,
    filePath: realpathSync(file.path),
    group: "",
    rest: namesOf(dataSet),
  };
  try {
    for (let links = 0; at.rest.length > 0;) {
      const next = step(hdf5, at, opened);
      if ("reason" in next) return next;
      if (next.rest.length >= at.rest.length && ++links > LINKS_MAX)
        return { reason: `more than ${String(LINKS_MAX)} links lead to it` };
      at = next;
    }
    return locatedAt(hdf5, at);
  } catch (thrown) {
    // h5wasm throws what it has no words for, such as a number; our own faults say what is wrong with a linked file.
    const reason = isEvbError(thrown)
      ? thrown.message
      : `the HDF5 library says ${sentenceOf(thrown)}`;
    return { reason };
  } finally {
    for (const each of opened) each.close();
  }
}

const namesOf = (path: string): string[] =>
  path.split("/").filter((name) => name !== "" && name !== ".");

/** One name further, or to where the link of this name leads. */
function step(hdf5: Hdf5, at: Walker, opened: LibraryFile[]): Walker | Unknown {
  const path = `${at.group}/${at.rest[0]!}`;
  const rest = at.rest.slice(1);
  const { target, external } = linkAt(hdf5, at.id, path);
  if (target !== undefined) {
    const group = target.startsWith("/") ? "" : at.group;
    return { ...at, group, rest: [...namesOf(target), ...rest] };
  }
  if (external === undefined) return { ...at, group: path, rest };
  const filePath = linkedFile(at.filePath, external.filename);
  if (filePath === undefined)
    return { reason: `${path} is a link to ${external.filename}, which evb doesn't find` };
  const file = openForReading(hdf5, filePath);
  opened.push(file);
  return { id: file.file_id, filePath, group: "", rest: [...namesOf(external.obj_path), ...rest] };
}

interface Link {
  readonly target: string | undefined;
  readonly external: External | undefined;
}

/** As the library names it. */
interface External {
  readonly filename: string;
  readonly obj_path: string;
}

/** The link of this name, if it is one: the library's own question for the type already follows links. */
function linkAt(hdf5: Hdf5, id: bigint, path: string): Link {
  return hdf5.quietly(() => {
    // The library's declarations leave out that there may be no link.
    const target = hdf5.module.get_symbolic_link(id, path) as string | null;
    const external: Partial<External> = hdf5.module.get_external_link(id, path);
    const { filename, obj_path } = external;
    const complete = filename !== undefined && obj_path !== undefined;
    return { target: target ?? undefined, external: complete ? { filename, obj_path } : undefined };
  }).result;
}

/**
 * The file that a link means, as the library looks for it without settings of its own (H5Lcreate_external): an absolute
 * path as it is, else its last part; then beside the file with the link; then in the working folder.
 */
function linkedFile(from: string, name: string): string | undefined {
  const relative = isAbsolute(name) ? basename(name) : name;
  const places = [join(dirname(from), relative), resolve(relative)];
  const found = (isAbsolute(name) ? [name, ...places] : places).find((path) => existsSync(path));
  return found === undefined ? undefined : realpathSync(found);
}

function locatedAt(hdf5: Hdf5, { id, filePath, group }: Walker): Located | Unknown {
  const { module } = hdf5;
  const { result } = hdf5.quietly(() => ({
    reference: module.create_object_reference(id, group),
    metadata: module.get_dataset_metadata(id, group),
  }));
  const { shape, maxshape, size } = result.metadata;
  const bytes = Buffer.from(result.reference);
  const headerAddress = bytes.length === 8 ? Number(bytes.readBigUInt64LE()) : 0;
  // What isn't there has the address 0, and no error.
  if (headerAddress === 0) return { reason: "the HDF5 library doesn't say where it is" };
  if (shape === null) return { reason: "it has no elements" };
  const maxShape = shape.map((_, d) => limitOf(maxshape?.[d] ?? shape[d]!));
  return { path: filePath, headerAddress, space: { shape, maxShape, elementBytes: size } };
}

const limitOf = (most: number): number | undefined => (most >= UNLIMITED_MIN ? undefined : most);
