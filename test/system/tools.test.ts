import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { evb, python, run, temporaryFolder } from "../support/system.ts";

describeWith(["hdf5tools", "h5py"], "files that evb writes", () => {
  const folder = temporaryFolder();
  const files: string[] = [];
  afterAll(folder.remove);

  beforeAll(() => {
    for (const layout of ["seed", "lcls"])
      for (const chunk of ["1", "3", "1000"])
        for (const compression of ["none", "gzip:4"]) {
          const data = join(folder.path, `${layout}-${chunk}-${compression.replace(":", "")}`);
          const options = [
            "--layout",
            layout,
            "--events-per-chunk",
            chunk,
            "--compression",
            compression,
          ];
          evb(
            "generate",
            data,
            ...options,
            "--files",
            "3",
            "--events",
            "20",
            "--event-size",
            "4kB",
            "--quiet",
          );
          evb("index", data, "-o", `${data}.index.h5`, "--all", "--quiet");
          evb("run", `${data}.index.h5`, "-o", `${data}.out`, "--clients", "1", "--quiet");
          files.push(...h5In(data), `${data}.index.h5`, join(`${data}.out`, "results.h5"));
        }
  });

  test.each(["h5dump", "h5ls", "h5py"])("are opened by %s", (tool) => {
    const problems = files.filter((file) => {
      if (tool === "h5dump") return run("h5dump", [file]).code !== 0;
      if (tool === "h5ls") return run("h5ls", ["-r", "-v", file]).code !== 0;
      return python(READ_ALL, file).trim() !== "ok";
    });
    expect(files.length).toBe(12 * 5);
    expect(problems).toEqual([]);
  });
});

const READ_ALL = `
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    f.visititems(lambda name, item: item[()].shape if isinstance(item, h5py.Dataset) else None)
print("ok")
`;

const h5In = (data: string): string[] =>
  readdirSync(data)
    .filter((name) => name.endsWith(".h5"))
    .map((name) => join(data, name));
