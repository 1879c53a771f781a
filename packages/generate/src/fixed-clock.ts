/** The second of the first event, in ms since 1970. */
const FIXED_TIME_MS = 1_700_000_000_000;

/**
 * Runs a call of the HDF5 library at a time that is always the same.
 *
 * HDF5 writes into each data set's header when it was last changed, and h5wasm has no option against it
 * (`H5Pset_obj_track_times`); newer header versions hold times too, and checksums over them. The library gets the time from
 * `Date.now`. The call is synchronous, so nothing else in this thread sees the other clock.
 */
export function atFixedTime<Result>(call: () => Result): Result {
  const now = Date.now;
  Date.now = () => FIXED_TIME_MS;
  try {
    return call();
  } finally {
    Date.now = now;
  }
}
