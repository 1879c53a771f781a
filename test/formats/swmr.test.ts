import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { inFolder } from "../support/folder.ts";

const WRITER = fileURLToPath(new URL("swmr-writer.mjs", import.meta.url));

test("a file that is being written has its new rows each time it is opened", () =>
  inFolder(async (folder) => {
    const hdf5 = await loadHdf5();
    const path = join(folder, "live.h5");
    const writer = spawn(process.execPath, [WRITER, path], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
      for (const rows of [3, 5, 7, 9]) {
        expect((await lines.next()).value).toBe(String(rows));
        const file = new Hdf5File(hdf5, path);
        // h5wasm's refresh() gives the new shape, and 0 for the new rows.
        expect(file.dataSet("x").readColumn()).toEqual(
          BigUint64Array.from({ length: rows }, (_, row) => BigInt(row)),
        );
        file.close();
        writer.stdin.write("more\n");
      }
    } finally {
      const ended = once(writer, "exit");
      writer.stdin.end("end\n");
      await ended;
    }
  }));
