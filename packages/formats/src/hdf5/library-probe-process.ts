import { isEvbError } from "@evb/event";
import { Hdf5File } from "./file.ts";
import { loadHdf5 } from "./library.ts";

// A process that reads rows of a data set through the HDF5 library: PATH DATASET. Whether it comes to an end is all that
// whoever starts it wants to know: see library-probe.ts.

/** Rows are read for so long, at most. */
const READ_MS_MAX = 2000;

const [path, name] = process.argv.slice(2) as [string, string];
const dataSet = new Hdf5File(await loadHdf5(), path).dataSet(name);
const begun = performance.now();
for (let k = 0; k < dataSet.length && performance.now() - begun < READ_MS_MAX; k++)
  try {
    dataSet.checkRow(k);
  } catch (thrown) {
    // It fails, so it ends.
    if (!isEvbError(thrown)) throw thrown;
  }
