import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { builtUrl } from "../built-url.ts";
import { fault } from "../faults.ts";

/** The process needs 0.2 s to begin, and ends by itself after two: what takes longer goes round in circles. */
const PROBE_MS_MAX = 6000;

/**
 * Makes sure that the HDF5 library comes to an end with a data set whose description is damaged. It may go round in circles
 * there, which nobody can end but with its process: so another process reads rows, for two seconds.
 *
 * @throws EvbError "hdf5-library-hangs"
 */
export function checkLibraryEnds(path: string, dataSet: string): void {
  const probe = builtUrl({ name: "./library-probe-process.js", from: import.meta.url });
  const { signal } = spawnSync(process.execPath, [fileURLToPath(probe), path, dataSet], {
    stdio: "ignore",
    timeout: PROBE_MS_MAX,
    killSignal: "SIGKILL",
  });
  if (signal !== null) throw fault("hdf5-library-hangs", { path, dataSet });
}
