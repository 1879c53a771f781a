import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { evb, python, temporaryFolder } from "../support/system.ts";

/** 250,000 rows of one number in as many chunks, written as they are: h5py's own way takes minutes. */
const MAKE = `
import h5py, numpy as np, sys, zlib
rows = 250_000
with h5py.File(sys.argv[1], "w", libver="latest") as f:
    f["timestamp1"] = np.arange(rows, dtype="<u8")
    filters = {"compression": "gzip"} if sys.argv[2] == "gzip" else {}
    d = f.create_dataset("bigdata1", (rows,), "<i4", chunks=(1,), **filters)
    cell = np.int32(7).tobytes()
    stored = zlib.compress(cell) if filters else cell
    write = d.id.write_direct_chunk
    for row in range(rows):
        write((row,), stored)
`;
/** The same rows, at other times. */
const SHIFT = `
import h5py, sys
with h5py.File(sys.argv[1], "r+") as f:
    f["timestamp1"][...] += 250_000 * int(sys.argv[2])
`;
const FILES = 4;
const FRAGMENTS = 1_000_000;

describeWith(["h5py"], "an index of 10^6 fragments, each in a chunk of its own", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  // A fragment has a stamp, a number and a place, 8 + 4 + 8 bytes, 4 more where it is filtered; an event has 4.
  test.each([
    ["unfiltered", 4, 24],
    ["gzip", 4, 32],
    ["unfiltered", 1, 24.1],
    ["gzip", 1, 32],
  ])("has few bytes for each: %s, events of %d", (kind, inEvent, bytesMax) => {
    const data = join(folder.path, `${kind}-${String(inEvent)}`);
    const index = join(folder.path, `${kind}-${String(inEvent)}.index.h5`);
    mkdirSync(data);
    python(MAKE, join(data, "file1.h5"), kind);
    for (let n = 2; n <= FILES; n++) {
      const path = join(data, `file${String(n)}.h5`);
      copyFileSync(join(data, "file1.h5"), path);
      if (inEvent === 1) python(SHIFT, path, String(n - 1));
    }
    const report = JSON.parse(evb("index", data, "-o", index, "--all", "--json", "--quiet")) as {
      events: number;
      fragments: number;
    };
    expect(report).toMatchObject({ events: FRAGMENTS / inEvent, fragments: FRAGMENTS });
    const bytes = statSync(index).size / FRAGMENTS;
    process.stderr.write(
      `an index, ${kind}, events of ${String(inEvent)}: ${bytes.toFixed(2)} bytes a fragment\n`,
    );
    expect(bytes).toBeLessThanOrEqual(bytesMax);
  });
});
