import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../support/run-links.ts";
import { endAll, start } from "../support/run-processes.ts";
import { smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
/** Of the HDF5 library; kernels of ours have some kilobytes. */
const LIBRARY_BYTES_MIN = 500_000;
let folder: string;
let run: SmallRun;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-lazy-"));
  writeFileSync(join(folder, "tell.cjs"), TELL);
  // Of rows that are shorter `stats` makes its sums in a loop.
  run = await smallRun(folder, { eventBytes: 4000 });
}, MINUTE);
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

/** Each thread of a process that compiles WebAssembly says of how many bytes. */
const TELL = `
const { appendFileSync } = require("node:fs");
const tell = (bytes) => appendFileSync(process.env.TOLD, bytes.byteLength + "\\n");
const { Module, compile, instantiate } = WebAssembly;
// What the library compiled must stay an instance of it.
WebAssembly.Module = new Proxy(Module, {
  construct(target, [bytes]) {
    tell(bytes);
    return new target(bytes);
  },
});
WebAssembly.compile = (bytes, ...more) => { tell(bytes); return compile(bytes, ...more); };
WebAssembly.instantiate = (bytes, ...more) => {
  if (!(bytes instanceof Module)) tell(bytes);
  return instantiate(bytes, ...more);
};
`;

/** Bytes of WebAssembly that a coordinator and its client compile. */
async function compiled(analysis: string): Promise<{ coordinator: number[]; client: number[] }> {
  const out = join(folder, `out-${analysis}`);
  const connection = join(out, "connection.json");
  const told = (who: string): string => join(folder, `${analysis}-${who}`);
  const env = (who: string): NodeJS.ProcessEnv => ({
    NODE_OPTIONS: `--require ${join(folder, "tell.cjs")}`,
    TOLD: told(who),
  });
  const words = ["--listen", "127.0.0.1", "--analysis", analysis];
  const rank0 = start(["coordinator", run.indexPath, "-o", out, ...words], {
    env: env("coordinator"),
  });
  await until(() => existsSync(connection) || !rank0.isOn, "connection file");
  const client = start(["client", connection, "--wait", "10s"], { env: env("client") });
  const codes = (await Promise.all([rank0.ended, client.ended])).map(({ code }) => code);
  expect(codes).toEqual([0, 0]);
  const bytesIn = (path: string): number[] =>
    existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
  return { coordinator: bytesIn(told("coordinator")), client: bytesIn(told("client")) };
}

describe("a client whose sources are read where they lie", () => {
  test(
    "loads neither the HDF5 library nor kernels",
    async () => {
      const { coordinator, client } = await compiled("read");
      expect(client).toEqual([]);
      // Its coordinator has the library, for the index: so one that is loaded would be told.
      expect(coordinator.some((bytes) => bytes > LIBRARY_BYTES_MIN)).toBe(true);
    },
    MINUTE,
  );

  test(
    "loads the kernels of its analysis alone",
    async () => {
      const { client } = await compiled("stats");
      expect(client.length).toBe(1);
      expect(client[0]).toBeLessThan(LIBRARY_BYTES_MIN);
    },
    MINUTE,
  );
});
