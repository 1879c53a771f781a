import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { EvbError } from "@evb/event";
import { Hdf5File, Hdf5Writer, loadHdf5, type Storage } from "@evb/formats";
import { findStorage } from "@evb/index";
import { inFolder } from "../support/folder.ts";

const hdf5 = await loadHdf5();

/** A file whose library is right, and whose storage is told wrongly. */
function mistold(file: Hdf5File, change: (storage: Storage) => Storage): Hdf5File {
  return {
    dataSet: (path: string) => file.dataSet(path),
    storageOf: (path: string) => change(file.storageOf(path)),
  } as Partial<Hdf5File> as Hdf5File;
}

const failing = (tag: string) => () => {
  throw new EvbError(tag, {}, "as the library says", 3);
};

test("rows that read as something else where they are said to lie are left to the library", () =>
  inFolder(async (folder) => {
    const path = join(folder, "data.h5");
    const writer = new Hdf5Writer(hdf5, path);
    writer.writeColumn(
      "/numbers",
      "u4",
      Uint32Array.from({ length: 3000 }, (_, k) => k * k),
    );
    writer.close();
    const file = new Hdf5File(hdf5, path);
    expect(await findStorage(file, "/numbers")).toMatchObject({ kind: "direct" });
    const shifted = mistold(file, (storage) => {
      if (storage.kind !== "chunked") throw new Error(storage.kind);
      return { ...storage, address: storage.address.map((address) => address + 4) };
    });
    const { kind, ...more } = await findStorage(shifted, "/numbers");
    expect({ kind, ...more }).toEqual({
      kind: "library",
      reason: "row 0 reads as something else in the HDF5 library",
    });
    // The library has no filter for it, and evb has: nobody can compare.
    const unknown = mistold(file, (storage) => storage);
    const { length, shape } = file.dataSet("/numbers");
    const lacking = { ...{ length, shape }, readRows: failing("hdf5-no-filter") };
    unknown.dataSet = () => lacking as never;
    expect(await findStorage(unknown, "/numbers")).toMatchObject({ kind: "direct" });
    const unread = { ...lacking, readRows: failing("hdf5-read-failed") };
    unknown.dataSet = () => unread as never;
    expect(await findStorage(unknown, "/numbers")).toEqual({
      kind: "library",
      reason: "the library doesn't read what evb does: as the library says",
    });
    const other = mistold(file, () => ({ kind: "other", reason: "it is virtual" }));
    expect(await findStorage(other, "/numbers")).toEqual({
      kind: "library",
      reason: "it is virtual",
    });
    const scattered = mistold(file, (storage) => ({
      ...(storage as Extract<Storage, { kind: "chunked" }>),
      chunk: [1, 1],
    }));
    scattered.dataSet = () =>
      ({ length: 0, shape: { shape: [3, 1000], typeName: "<u4", filters: [] } }) as never;
    expect(await findStorage(scattered, "/numbers")).toEqual({
      kind: "library",
      reason: "each row lies in 1000 chunks",
    });
    file.close();
  }));
