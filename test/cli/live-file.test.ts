import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { evb, sentenceOf } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

const WRITER = fileURLToPath(new URL("live-writer.mjs", import.meta.url));
const MINUTES = 180_000;

const folder = temporaryFolder();
afterAll(folder.remove);
const [data, index, out] = ["live.h5", "live.index.h5", "out"].map((name) =>
  join(folder.path, name),
) as [string, string, string];

const indexIt = (): void => {
  expect(evb(["index", data, "-o", index, "--all", "--force", "--quiet"]).code).toBe(0);
};
const runIt = (): ReturnType<typeof evb> =>
  evb(["run", index, "-o", out, "--clients", "1", "--force", "--quiet"]);

/** Row r begins with r: the sum of the first numbers is that of the rows. */
function expectRows(rows: number): void {
  expect(runIt()).toMatchObject({ code: 0, stderr: "" });
  const { events, totals } = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as {
    events: number;
    totals: Record<string, unknown>;
  };
  expect({ events, first: Number(totals["first"]) }).toEqual({
    events: rows,
    first: (rows * (rows - 1)) / 2,
  });
}

test(
  "a file that is still written (SWMR) is indexed and run as far as it is, until it grows; then indexed again",
  async () => {
    const writer = spawn(process.execPath, [WRITER, data], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
      for (const rows of [3, 5]) {
        expect((await lines.next()).value).toBe(String(rows));
        if (rows > 3) {
          const stale = runIt();
          expect(stale.code).toBe(3);
          expect(sentenceOf(stale)).toMatch(/live\.index\.h5 no longer describes .*live\.h5: it/);
        }
        indexIt();
        expectRows(rows);
        writer.stdin.write("more\n");
      }
    } finally {
      const ended = once(writer, "exit");
      writer.stdin.end("end\n");
      await ended;
    }
  },
  MINUTES,
);
