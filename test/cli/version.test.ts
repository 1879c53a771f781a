import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Hdf5File, loadHdf5 } from "@evb/formats";
import { evb } from "../support/evb.ts";
import { temporaryFolder } from "../support/system.ts";
import { until } from "../support/run-links.ts";
import { endAll, start } from "../support/run-processes.ts";

const MINUTE = 60_000;
const { version } = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../packages/cli/package.json", import.meta.url)), "utf8"),
) as { version: string };

describe("evb's version", () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const typed = (line: string): void => {
    const { code, stderr } = evb([...line.split(" "), "--quiet"], folder.path);
    if (code !== 0) throw new Error(`evb ${line}: ${stderr}`);
  };
  afterAll(() => {
    endAll();
    folder.remove();
  });

  beforeAll(() => {
    typed("generate run1 --files 2 --events 20 --event-size 4kB");
    typed("index run1 -o run1.index.h5 --all");
    typed("run run1.index.h5 -o out --clients 1");
    typed("extract run1.index.h5 -o red.h5 --clients 1");
    typed("generate run2 --format ring --events 20 --event-size 100");
    typed("index run2 -o run2.index.h5");
    typed("order run2 -o out2 --window 100 --index kept.index.h5");
  }, MINUTE);

  test.each([
    ["an index", "run1.index.h5"],
    ["results", "out/results.h5"],
    ["a reduced run", "red.h5"],
    ["an index of ring items", "run2.index.h5"],
    ["what evb order keeps of a scan", "kept.index.h5"],
  ])("stands in %s, as the attribute evb", async (_, name) => {
    const file = new Hdf5File(await loadHdf5(), at(name));
    expect(file.attribute("evb")).toBe(version);
    file.close();
  });

  test.each([
    ["a run", "out/report.json"],
    ["an order", "out2/report.json"],
  ])("stands in the report of %s", (_, name) => {
    expect(JSON.parse(readFileSync(at(name), "utf8"))).toMatchObject({ evb: version });
  });

  test("stands in a journal and in a connection file, of a run that is on", async () => {
    const words = ["coordinator", at("run1.index.h5"), "-o", at("on"), "--listen", "127.0.0.1"];
    const coordinator = start(words);
    await until(() => coordinator.stderr.includes("listening on"), "it listens");
    const connection = JSON.parse(readFileSync(at("on/connection.json"), "utf8")) as object;
    expect(connection).toMatchObject({ evb: version });
    expect(readFileSync(at("on/journal"), "latin1")).toContain(version);
    coordinator.child.kill("SIGKILL");
    await coordinator.ended;
  });
});
