import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  refuseLiveRun,
  removeConnection,
  waitForConnection,
  writeConnection,
  type Connection,
} from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";

const KEY = "a".repeat(40);
const CONNECTION: Connection = {
  run: "run-1",
  hosts: ["127.0.0.1", "node17"],
  joinPort: 4000,
  resultsPort: 4001,
  security: { serverKey: KEY, client: { publicKey: KEY, secretKey: KEY } },
};
const signal = new AbortController().signal;
const read = (path: string, waitMs = 0): Promise<Connection> =>
  waitForConnection(path, { waitMs, sinceMs: performance.now() }, signal);

function written(folder: string, change: object = {}): string {
  const path = join(folder, "connection.json");
  writeConnection(path, CONNECTION, "0.1.0");
  const text = JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...change });
  writeFileSync(path, text);
  return path;
}

describe("a connection file", () => {
  test("comes out as it went in, and only its owner can read it", () =>
    inFolder(async (folder) => {
      const path = join(folder, "connection.json");
      writeConnection(path, CONNECTION, "0.1.0");
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await read(path)).toEqual(CONNECTION);
    }));

  test("without keys, where --insecure was typed", () =>
    inFolder(async (folder) => {
      const path = join(folder, "connection.json");
      writeConnection(path, { ...CONNECTION, security: undefined }, "0.1.0");
      expect(await read(path)).toEqual({ ...CONNECTION, security: undefined });
    }));

  test.each([0o644, 0o640, 0o601, 0o660])("that others can reach is refused: mode %i", (mode) =>
    inFolder(async (folder) => {
      const path = written(folder);
      chmodSync(path, mode);
      const fault = await faultOf(() => read(path));
      expect(fault).toMatchObject({ tag: "connection-unsafe", exitCode: 3 });
      expect(fault.message).toBe(
        `the connection file ${path} is refused: its mode is 0${mode.toString(8)}; it holds keys and must be yours with mode 0600`,
      );
    }),
  );

  test("of another user is refused, as far as this one may make it so", () =>
    inFolder(async (folder) => {
      const path = written(folder);
      if (process.getuid?.() !== 0) {
        // Only root can give a file away; everybody may ask for one that is root's.
        expect((await faultOf(() => read("/etc/passwd"))).tag).toMatch(/^connection-(unsafe|bad)$/);
        return;
      }
      chownSync(path, 12_345, 12_345);
      const fault = await faultOf(() => read(path));
      expect(fault).toMatchObject({ tag: "connection-unsafe", exitCode: 3 });
      expect(fault.message).toContain("it belongs to user 12345");
    }));

  test.each<[string, string, RegExp]>([
    ["half of it", '{"protocol": 1, "run": "', /can't be used: .*JSON/],
    ["nothing", "", /can't be used: .*JSON/],
    ["a list", "[]", /it is no map/],
    ["too long", " ".repeat(70_000), /it is too long/],
  ])("of garbage is refused: %s", (_, text, words) =>
    inFolder(async (folder) => {
      const path = written(folder);
      writeFileSync(path, text);
      const fault = await faultOf(() => read(path));
      expect(fault).toMatchObject({ tag: "connection-bad", exitCode: 3 });
      expect(fault.message).toMatch(words);
    }),
  );

  test.each<[string, object, RegExp]>([
    ["another protocol", { protocol: 99 }, /its protocol is 99, and this evb speaks 5/],
    ["no run", { run: undefined }, /run is no short text/],
    ["a port that is none", { joinPort: 70_000 }, /joinPort is no number from 0 to 65535/],
    ["hosts that are none", { hosts: [5] }, /a host is none/],
    ["half of the keys", { security: { serverKey: KEY } }, /it is no map/],
    [
      "keys that are too long",
      { security: { ...CONNECTION.security, serverKey: "a".repeat(41) } },
      /serverKey is no short text/,
    ],
  ])("of other content is refused: %s", (_, change, words) =>
    inFolder(async (folder) => {
      const fault = await faultOf(() => read(written(folder, change)));
      expect(fault).toMatchObject({ tag: "connection-bad", exitCode: 3 });
      expect(fault.message).toMatch(words);
    }),
  );

  test("that is a folder is refused", () =>
    inFolder(async (folder) => {
      expect(await faultOf(() => read(folder))).toMatchObject({
        tag: "connection-bad",
        exitCode: 3,
      });
    }));

  test("that isn't there is waited for, so long", () =>
    inFolder(async (folder) => {
      const path = join(folder, "connection.json");
      const begun = performance.now();
      const fault = await faultOf(() => read(path, 250));
      expect(performance.now() - begun).toBeGreaterThanOrEqual(250);
      expect(fault).toMatchObject({ tag: "connection-missing", exitCode: 3 });
      expect(fault.message).toContain(
        "after 0.25 s; start the coordinator, or wait longer with --wait",
      );
    }));

  test("that appears meanwhile is taken", () =>
    inFolder(async (folder) => {
      const path = join(folder, "connection.json");
      setTimeout(() => {
        writeConnection(path, CONNECTION, "0.1.0");
      }, 150);
      expect(await read(path, 10_000)).toEqual(CONNECTION);
    }));

  test("that can't be written is said to be", () =>
    inFolder(async (folder) => {
      const path = join(folder, "no", "connection.json");
      const fault = await faultOf(() => {
        writeConnection(path, CONNECTION, "0.1.0");
      });
      expect(fault).toMatchObject({ tag: "out-unwritable", exitCode: 1 });
    }));
});

describe("the connection file of another run", () => {
  test("is left alone while its coordinator answers, and replaced when it is gone", () =>
    inFolder(async (folder) => {
      // ZMTP's signature, as every ZeroMQ socket greets (RFC 23): ff 0000000000000001 7f
      const greeting = Buffer.from("ff00000000000000017f", "hex");
      let greets = true;
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        if (greets) socket.write(greeting);
        else socket.end("SSH-2.0-OpenSSH_9.2p1\r\n");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const path = join(folder, "connection.json");
      writeConnection(path, { ...CONNECTION, hosts: ["127.0.0.1"], joinPort: port }, "0.1.0");
      const fault = await faultOf(() => refuseLiveRun(path));
      expect(fault).toMatchObject({ tag: "run-is-on", exitCode: 2 });
      expect(fault.message).toContain(`127.0.0.1:${String(port)} answers`);
      // Its coordinator is gone, and somebody else has the port.
      greets = false;
      await refuseLiveRun(path);
      await new Promise((resolve) => server.close(resolve));
      await refuseLiveRun(path);
      removeConnection(path, { run: "run-2" });
      expect(await read(path)).toMatchObject({ run: "run-1" });
      removeConnection(path, { run: "run-1" });
      expect((await faultOf(() => read(path))).tag).toBe("connection-missing");
    }));
});
