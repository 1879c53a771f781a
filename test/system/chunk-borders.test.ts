import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { evb } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";

/** Chunks of several events are decoded whole; each is read once, however leases are cut, but for a few at the end. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const MINUTE = 60_000;
const EVENTS = 960;

interface Planned {
  readonly bytesToRead: number;
  readonly sources: readonly { readonly chunks: number }[];
}

describe.each([16, 64])("a run whose chunks hold %i events", (rows) => {
  const index = at(`${String(rows)}.h5`);
  let plan: Planned;

  beforeAll(() => {
    const run = at(`run of ${String(rows)}`);
    const made = ["--files", "1", "--events", String(EVENTS), "--event-size", "16kB", "--quiet"];
    const packed = ["--compression", "gzip:1", "--events-per-chunk", String(rows)];
    expect(evb(["generate", run, ...made, ...packed]).code).toBe(0);
    expect(evb(["index", run, "-o", index, "--all", "--quiet"]).code).toBe(0);
    plan = JSON.parse(evb(["plan", index, "--json"]).stdout) as Planned;
    expect(plan.sources[0]!.chunks).toBe(EVENTS / rows);
  }, MINUTE);

  // Slow enough that both clients have a part in it: 2 ms an event.
  test.each(["1", "10", "100", "1000"])(
    "reads each of them once, by two clients and --batch %s",
    (batch) => {
      const out = at(`${String(rows)} by ${batch}`);
      const words = ["--clients", "2", "--batch", batch, "--analysis", "wait", "--set", "ms=2"];
      expect(evb(["run", index, "-o", out, ...words, "--quiet"]).code).toBe(0);
      const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as {
        readonly bytesRead: number;
        readonly clients: readonly { readonly events: number }[];
      };
      for (const { events } of report.clients) expect(events).toBeGreaterThan(rows);
      // Chunks are of nearly one size, as noise is.
      const chunkBytes = plan.bytesToRead / plan.sources[0]!.chunks;
      const twice = (report.bytesRead - plan.bytesToRead) / chunkBytes;
      expect(twice).toBeGreaterThan(-0.5);
      expect(twice).toBeLessThan(4.5);
    },
    MINUTE,
  );
});
