import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../support/run-links.ts";
import { SeededRandom } from "../support/random.ts";
import { ended, reportOf, sentencesOf, start, type Running } from "../support/run-processes.ts";
import { Trial, MINUTES, connectionOf, crash, wait } from "../support/run-trial.ts";

const STRANGER = fileURLToPath(new URL("../support/stranger.mjs", import.meta.url));
/** What the same run takes more or less from one time to the next, and the buffers of a thousand connections. */
const GROWTH_BYTES_MAX = 60 * 2 ** 20;

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin();
}, MINUTES);
afterAll(() => {
  trial.end();
});

const textIn = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;

const residentBytes = ({ pid }: Running): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))![1]);

/** Every TCP port on which the process listens. */
function portsOf({ pid }: Running): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${String(pid)}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${String(pid)}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // Closed meanwhile.
      }
    }),
  );
  return readFileSync(`/proc/${String(pid)}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === "0A" && sockets.has(inode ?? ""))
    .map(([, local]) => parseInt(local!.split(":")[1]!, 16));
}

/** A coordinator with one client in work for some seconds more. */
async function atWork(...words: string[]) {
  const out = trial.newOut();
  const rank0 = await trial.listening("coordinator", out, [...wait(20), ...words]);
  const begun = performance.now();
  const client = trial.client(out);
  await trial.trace(out).untilCommitted(rank0, 5);
  return { out, rank0, client, begun, before: residentBytes(rank0) };
}

/** The run ends as if nobody had come, and said little about it. */
async function expectUnharmed(given: Awaited<ReturnType<typeof atWork>>) {
  const { rank0, client, begun } = given;
  const done = await rank0.ended;
  const report = trial.expectUndisturbed(done);
  expect(report).toMatchObject({ redone: 0, faults: { clientsLost: 0, leasedAgain: 0 } });
  expect(report.clients).toHaveLength(1);
  expect((await client.ended).code).toBe(0);
  const seconds = (performance.now() - begun) / 1000;
  expect(sentencesOf(done).length).toBeLessThanOrEqual(3 + seconds);
  return report;
}

/** Starts the stranger and waits until it has gone; how many welcomes it got. */
async function stranger(out: string, way: string, count: number): Promise<number> {
  const words = [STRANGER, connectionOf(out), way, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 40_000 });
  return Number(stdout);
}

describe("strangers at the ports", () => {
  test(
    "with a thousand connections of random bytes, half of them left open, change nothing",
    async () => {
      const random = new SeededRandom(7);
      const given = await atWork();
      const ports = portsOf(given.rank0);
      // To join by, for results, and a lane.
      expect(ports).toHaveLength(3);
      const sockets = Array.from({ length: 1000 }, (_, i) => {
        const socket = connect(ports[i % ports.length]!, "127.0.0.1");
        socket.on("error", () => undefined);
        const bytes = Buffer.from(
          Array.from({ length: random.below(300) }, () => random.below(256)),
        );
        // Some speak the first words of ZMTP, or of HTTP, some nothing at all.
        if (i % 4 === 1) socket.write(Buffer.from("ff00000000000000017f0300", "hex"));
        if (i % 4 === 2) socket.write("GET / HTTP/1.1\r\n\r\n");
        if (i % 4 !== 3) socket.write(bytes);
        if (i % 2 === 0) setTimeout(() => socket.destroy(), random.below(1000));
        return socket;
      });
      await trial.trace(given.out).untilCommitted(given.rank0, 200);
      const after = residentBytes(given.rank0);
      await expectUnharmed(given);
      for (const socket of sockets) socket.destroy();
      expect(after - given.before).toBeLessThan(GROWTH_BYTES_MAX);
    },
    MINUTES,
  );

  test.each(["no-key", "wrong-key"])(
    "who speak evb, %s, get nothing and change nothing",
    async (way) => {
      const given = await atWork();
      expect(await stranger(given.out, way, 500)).toBe(0);
      const after = residentBytes(given.rank0);
      const report = await expectUnharmed(given);
      expect(report.faults.strayFrames).toBe(0);
      expect(after - given.before).toBeLessThan(GROWTH_BYTES_MAX);
    },
    MINUTES,
  );

  test(
    "who have the key and talk nonsense are counted, and told of at most once a second",
    async () => {
      const given = await atWork();
      expect(await stranger(given.out, "garbage", 2000)).toBe(0);
      const after = residentBytes(given.rank0);
      const report = await expectUnharmed(given);
      expect(report.faults.strayFrames).toBeGreaterThan(1000);
      expect(after - given.before).toBeLessThan(GROWTH_BYTES_MAX);
    },
    MINUTES,
  );

  test(
    "who have the key and join in crowds, without ever saying hello, hinder nobody",
    async () => {
      const given = await atWork();
      await stranger(given.out, "crowd", 1000);
      const after = residentBytes(given.rank0);
      await expectUnharmed(given);
      expect(after - given.before).toBeLessThan(GROWTH_BYTES_MAX);
    },
    MINUTES,
  );

  test(
    "at a coordinator of --insecure are as little harm, and it warns",
    async () => {
      const given = await atWork("--insecure");
      expect(given.rank0.stderr).toMatch(/everybody who reaches these ports can join/);
      expect(await stranger(given.out, "garbage", 500)).toBe(0);
      await expectUnharmed(given);
    },
    MINUTES,
  );
});

describe("keys", () => {
  test(
    "are in files of mode 0600, which go when the run is complete",
    async () => {
      const { out, rank0, client } = await atWork();
      const secret = join(out, "coordinator.json");
      for (const path of [secret, connectionOf(out)])
        expect({ path, mode: statSync(path).mode & 0o777 }).toEqual({ path, mode: 0o600 });
      // The coordinator's secret key is nobody else's.
      const keys = JSON.stringify(textIn(secret)).match(/[^"]{40}/g)!;
      const { security } = textIn(connectionOf(out)) as { security: { serverKey: string } };
      expect(keys).toContain(security.serverKey);
      trial.expectUndisturbed(await rank0.ended);
      await client.ended;
      expect(readdirSync(out).sort()).toEqual(["journal", "report.json", "results.h5"]);
    },
    MINUTES,
  );

  test(
    "of another run are other keys",
    async () => {
      const files = [trial.newOut(), trial.newOut()].map(async (out) => {
        const rank0 = await trial.listening("coordinator", out, wait(1));
        const text = readFileSync(connectionOf(out), "utf8");
        await crash(rank0);
        return (JSON.parse(text) as { security: { serverKey: string; client: object } }).security;
      });
      const [one, other] = await Promise.all(files);
      expect(one!.serverKey).not.toBe(other!.serverKey);
      expect(one!.client).not.toEqual(other!.client);
    },
    MINUTES,
  );

  test.each(["0644", "0640", "0604", "0660"])(
    "in a connection file of mode %s are refused",
    async (mode) => {
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, wait(1));
      chmodSync(connectionOf(out), parseInt(mode, 8));
      const done = await trial.client(out).ended;
      expect(done.code).toBe(3);
      expect(sentencesOf(done)).toEqual([
        `the connection file ${connectionOf(out)} is refused: its mode is ${mode}; it holds keys and must be yours with mode 0600`,
      ]);
      await crash(rank0);
    },
    MINUTES,
  );

  test(
    "in a connection file of somebody else are refused",
    async () => {
      // Only root can give a file away; for others /etc/hostname will do.
      const path = join(trial.folder, "theirs.json");
      writeFileSync(path, "{}", { mode: 0o600 });
      const asRoot = process.getuid?.() === 0;
      if (asRoot) chownSync(path, 12_345, 12_345);
      const done = await ended(["client", asRoot ? path : "/etc/hostname", "--wait", "1s"]);
      expect(done.code).toBe(3);
      expect(sentencesOf(done)[0]).toMatch(/is refused: .*must be yours with mode 0600$/);
    },
    MINUTES,
  );

  test(
    "of a coordinator that was killed are used again by --resume only as its owner's",
    async () => {
      const out = trial.newOut();
      await crash(await trial.listening("coordinator", out, wait(1)));
      const secret = join(out, "coordinator.json");
      const { security } = textIn(connectionOf(out));
      chmodSync(secret, 0o644);
      const trace = trial.trace(out);
      const rank0 = trial.start("coordinator", out, [...wait(1), "--resume"]);
      await until(
        () => !rank0.isOn || trace.all("listening").length === 2,
        "second life, or a refusal",
        40_000,
      );
      // Refused with a sentence, or done without; but keys that others could read are not taken.
      if (rank0.isOn) expect(textIn(connectionOf(out))["security"]).not.toEqual(security);
      else expect(sentencesOf(await rank0.ended).join()).toMatch(/0600/);
      if (rank0.isOn) await crash(rank0);
    },
    MINUTES,
  );
});

describe("a client with --analysis", () => {
  test(
    "refuses every other one, and the run waits for a better client",
    async () => {
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, wait(0));
      const unwilling = await trial.client(out, "--analysis", "stats").ended;
      expect({ code: unwilling.code, said: sentencesOf(unwilling) }).toEqual({
        code: 2,
        said: [
          "the coordinator wants the analysis wait, and this client was started for stats only; start it with the same --analysis",
        ],
      });
      const willing = trial.client(out, "--analysis", "wait");
      trial.expectUndisturbed(await rank0.ended);
      expect((await willing.ended).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "of a module takes that module, and no other one",
    async () => {
      const [mine, other] = ["mine.js", "other.js"].map((name) => {
        const path = join(trial.folder, name);
        writeFileSync(
          path,
          `export default { setup: () => ({ event: () => undefined }) }; // ${name}\n`,
        );
        return path;
      });
      const out = trial.newOut();
      const rank0 = await trial.listening("coordinator", out, ["--analysis", mine!]);
      const unwilling = await trial.client(out, "--analysis", other!).ended;
      expect(unwilling.code).toBe(2);
      expect(sentencesOf(unwilling)[0]).toMatch(
        /wants the analysis \S+mine\.js, .*for \S+other\.js only/,
      );
      const willing = trial.client(out, "--analysis", mine!);
      expect((await rank0.ended).code).toBe(0);
      expect((await willing.ended).code).toBe(0);
    },
    MINUTES,
  );
});

describe("a client at the wrong place", () => {
  test.each<[string, (path: string, server: Server) => void]>([
    ["says nothing", () => undefined],
    [
      "speaks HTTP",
      (_, server) => {
        server.on("connection", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      },
    ],
    [
      "speaks ZMTP without keys",
      (_, server) => {
        server.on("connection", (socket) =>
          socket.write(Buffer.from("ff00000000000000017f03004e554c4c", "hex")),
        );
      },
    ],
    [
      "hangs up",
      (_, server) => {
        server.on("connection", (socket) => socket.destroy());
      },
    ],
  ])(
    "whose port %s doesn't hang: exit 3 after --wait",
    async (_, behave) => {
      const out = trial.newOut();
      const real = await trial.listening("coordinator", out, wait(1));
      const connection = textIn(connectionOf(out));
      await crash(real);
      const path = `${out}.json`;
      const server = createServer((socket) => socket.on("error", () => undefined));
      behave(path, server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      writeFileSync(path, JSON.stringify({ ...connection, joinPort: port, resultsPort: port }), {
        mode: 0o600,
      });
      const begun = performance.now();
      const done = await ended(["client", path, "--wait", "2s"]);
      server.close();
      expect({ code: done.code, said: sentencesOf(done) }).toEqual({
        code: 3,
        said: [
          expect.stringMatching(/^(no coordinator answers at|the coordinator at) 127\.0\.0\.1:/),
        ],
      });
      expect(performance.now() - begun).toBeLessThan(20_000);
    },
    MINUTES,
  );

  test.each([
    ["of another protocol", { protocol: 99 }],
    ["without a protocol", { protocol: undefined }],
    ["of a port that is none", { joinPort: 123_456 }],
    ["without hosts", { hosts: [] }],
  ])(
    "whose connection file is one %s is refused at once",
    async (_, change) => {
      const out = trial.newOut();
      const real = await trial.listening("coordinator", out, wait(1));
      const path = `${out}.json`;
      writeFileSync(path, JSON.stringify({ ...textIn(connectionOf(out)), ...change }), {
        mode: 0o600,
      });
      const client = start(["client", path, "--wait", "20s"]);
      const done = await client.ended;
      await crash(real);
      expect({ code: done.code, said: sentencesOf(done) }).toEqual({
        code: 3,
        said: [expect.stringMatching(/^the connection file \S+ can't be used: /)],
      });
    },
    MINUTES,
  );

  test(
    "of another run than its file says gets nothing of it",
    async () => {
      const given = await atWork();
      const path = join(trial.folder, "other-run.json");
      const text = textIn(connectionOf(given.out));
      const run = "00000000-0000-4000-8000-000000000000";
      writeFileSync(path, JSON.stringify({ ...text, run }), { mode: 0o600 });
      const done = await ended(["client", path, "--wait", "1s", "--client-timeout", "2s"]);
      expect([1, 3]).toContain(done.code);
      expect(sentencesOf(done)).toHaveLength(1);
      await expectUnharmed(given);
      expect(reportOf(await given.rank0.ended).clients).toHaveLength(1);
    },
    MINUTES,
  );
});
