import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { evb } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);

/** The example as it stands in the document. */
function exampleOf(document: string, name: string): string {
  const text = readFileSync(
    fileURLToPath(new URL(`../../docs/${document}`, import.meta.url)),
    "utf8",
  );
  const block = new RegExp(`\`\`\`ts\n// ${name}\n([^]*?)\`\`\``).exec(text);
  if (block === null) throw new Error(`${document} has no example ${name}`);
  return block[1]!;
}

test("the example of keep() in docs/analysis.md finds medians", async () => {
  const words = [
    "--files",
    "2",
    "--events",
    "30",
    "--event-size",
    "40kB",
    "--compression",
    "gzip:1",
  ];
  expect(evb(["generate", at("run1"), ...words, "--quiet"]).code).toBe(0);
  expect(evb(["index", at("run1"), "-o", at("i.h5"), "--all", "--quiet"]).code).toBe(0);
  writeFileSync(at("median.ts"), exampleOf("analysis.md", "median.ts"));
  const run = ["--analysis", at("median.ts"), "--clients", "1", "--decode-threads", "1", "--quiet"];
  expect(evb(["run", at("i.h5"), "-o", at("out"), ...run])).toMatchObject({ code: 0, stderr: "" });

  // By the HDF5 library, and by sorting all of it.
  const hdf5 = await loadHdf5();
  const results = new Hdf5File(hdf5, at("out/results.h5"));
  const medians = Array.from(results.dataSet("/events/file1/median").readColumn() as Int32Array);
  const rows = Array.from(
    results.dataSet("/events/file1/row").readColumn() as BigInt64Array,
    Number,
  );
  results.close();
  const data = new Hdf5File(hdf5, at("run1/file1.h5"));
  const payload = data.dataSet("/bigdata1");
  const expected = rows.map((row) => {
    const bytes = new Uint8Array(40_000);
    payload.readRows(row, 1, bytes);
    return new Int32Array(bytes.buffer).sort()[5000]!;
  });
  data.close();
  expect(rows.length).toBeGreaterThan(25);
  expect(medians).toEqual(expected);
}, 60_000);
