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
const FILES = 4;
const FRAGMENTS = 1_000_000;

describeWith(["h5py"], "an index of 10^6 fragments, each in a chunk of its own", () => {
  const folder = temporaryFolder();
  afterAll(folder.remove);

  // The limits are issue 5's. A fragment has a stamp, a number and a place, 8 + 4 + 8 bytes, 4 more where it is filtered; an
  // event has 12, a quarter of which is a fragment's part. Events of one fragment come to 32 and 36 bytes.
  test.each([
    ["unfiltered", 24],
    ["gzip", 32],
  ])("has few bytes for each: %s", (kind, bytesMax) => {
    const data = join(folder.path, kind);
    const index = join(folder.path, `${kind}.index.h5`);
    mkdirSync(data);
    python(MAKE, join(data, "file1.h5"), kind);
    for (let n = 2; n <= FILES; n++)
      copyFileSync(join(data, "file1.h5"), join(data, `file${String(n)}.h5`));
    const report = JSON.parse(evb("index", data, "-o", index, "--all", "--json", "--quiet")) as {
      fragments: number;
    };
    expect(report.fragments).toBe(FRAGMENTS);
    const bytes = statSync(index).size / FRAGMENTS;
    process.stderr.write(`an index, ${kind}: ${bytes.toFixed(2)} bytes a fragment\n`);
    expect(bytes).toBeLessThanOrEqual(bytesMax);
  });
});
