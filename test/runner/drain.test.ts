import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { analysisOrder } from "@evb/runner";
import { runInMemory, smallRun, type SmallRun } from "../support/run-small.ts";

describe("a run that ends before its end", () => {
  let folder: string;
  let run: SmallRun;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "evb-drain-"));
    run = await smallRun(folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([1, 2, 3])(
    "has totals of the same events as its rows, with %i clients",
    async (clients) => {
      const stop = new AbortController();
      let asked = false;
      const { report, exitCode } = await runInMemory({
        run,
        out: `out${String(clients)}`,
        clients,
        order: { analysis: analysisOrder("wait", { ms: "2" }) },
        signal: stop.signal,
        prepare: (_, [client]) => {
          // Some results are in, and there is much left to do.
          client!.onPublish = () => {
            if (client!.published !== 12) return;
            asked = true;
            stop.abort(new Error("interrupted"));
          };
        },
      });
      expect({ asked, exitCode }).toEqual({ asked: true, exitCode: 4 });
      expect(report.events).toBeGreaterThan(0);
      expect(report.events).toBeLessThan(run.truth.all.events);
      // `wait` counts every event that it has done; each is a row, as none failed.
      expect(report.totals["count"]).toBe(String(report.events));
    },
  );
});
