import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Hdf5File, Hdf5Writer, loadHdf5, DataFile } from "@evb/formats";
import { columnPlace, PagedColumn } from "@evb/index";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";

/** 300 pages and a bit: more than are found quickly, and two chunks of the column. */
const ENTRIES = 1_228_900;
/** 614,450 entries, in whole pages of 4096. */
const CHUNK = 151 * 4096;

test("a column gives its entries in whatever order, page by page, from all its chunks", () =>
  inFolder(async (folder) => {
    const hdf5 = await loadHdf5();
    const path = join(folder, "x.h5");
    const writer = new Hdf5Writer(hdf5, path);
    const values = BigUint64Array.from({ length: ENTRIES }, (_, k) => BigInt(k) << 20n);
    writer.writeColumn("/a/column", "u8", values);
    writer.close();
    const file = new Hdf5File(hdf5, path);
    const data = new DataFile(path);
    try {
      const place = columnPlace(file, "/a/column", "u8");
      expect(place).toMatchObject({ length: ENTRIES, chunkEntries: CHUNK });
      const column = new PagedColumn<BigUint64Array>(place, data);
      const random = new SeededRandom(5);
      const entries = [0, CHUNK - 1, CHUNK, ENTRIES - 1].concat(
        Array.from({ length: 2000 }, () => random.below(ENTRIES)),
      );
      const wrong = entries.filter((entry) => column.at(entry) !== values[entry]);
      expect(wrong).toEqual([]);
      const fault = await faultOf(() => columnPlace(file, "/a/column", "f8"));
      expect(fault.tag).toBe("index-damaged");
    } finally {
      file.close();
      data.close();
    }
  }));
