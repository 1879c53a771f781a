import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../support/run-links.ts";
import {
  endAll,
  ended,
  processesIn,
  reportOf,
  sentencesOf,
  start,
  type Running,
} from "../support/run-processes.ts";
import { smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
let folder: string;
let run: SmallRun;
let outs = 0;
const newOut = (): string => join(folder, `out${String(++outs)}`);
/** Of analysis `wait`, however long it waits. */
let digest: string | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-coordinator-"));
  run = await smallRun(folder);
  const wait = ["--analysis", "wait", "--set", "ms=0", "--clients", "1", "--json"];
  digest = reportOf(await ended(["run", run.indexPath, "-o", newOut(), ...wait])).digest;
}, MINUTE);
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

const trueTotals = (): object => ({
  count: String(run.truth.all.events),
  first: run.truth.all.first,
});

const LOOPBACK = ["--listen", "127.0.0.1"];
const connectionOf = (out: string): string => join(out, "connection.json");

/** A coordinator that waits for its clients; each event takes so long. */
async function coordinator(
  out: string,
  clients: number,
  ms: number,
  ...words: string[]
): Promise<Running> {
  const wait = ["--analysis", "wait", "--set", `ms=${String(ms)}`];
  const running = start([
    "coordinator",
    run.indexPath,
    "-o",
    out,
    ...LOOPBACK,
    "--clients",
    String(clients),
    ...wait,
    "--json",
    ...words,
  ]);
  await until(() => existsSync(connectionOf(out)) || !running.isOn, "connection file");
  return running;
}

const client = (out: string, ...words: string[]): Running =>
  start(["client", connectionOf(out), ...words]);

interface ConnectionText {
  hosts: string[];
  joinPort: number;
  resultsPort: number;
}
const connectionIn = (out: string): ConnectionText =>
  JSON.parse(readFileSync(connectionOf(out), "utf8")) as ConnectionText;

describe("coordinator and clients, each a command of its own", () => {
  test(
    "do the run together; nothing is left behind but the results",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 2, 0);
      expect(statSync(connectionOf(out)).mode & 0o777).toBe(0o600);
      const ranks = [client(out), client(out)];
      const done = await rank0.ended;
      expect({ code: done.code, digest: reportOf(done).digest }).toEqual({ code: 0, digest });
      expect(reportOf(done)).toMatchObject({ totals: trueTotals(), redone: 0, lost: 0 });
      for (const rank of ranks) {
        const { code, stdout, stderr } = await rank.ended;
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        expect(stdout).toMatch(/^client \d: [\d,]+ events?, .* in \d+\.\d+ s\n$/);
      }
      expect(readdirSync(out).sort()).toEqual(["journal", "report.json", "results.h5"]);
    },
    MINUTE,
  );

  test(
    "wait for each other, whoever comes first",
    async () => {
      const out = newOut();
      // The clients come first and wait for the file; the coordinator begins when both are there.
      const first = client(out);
      await new Promise((resolve) => setTimeout(resolve, 400));
      const rank0 = await coordinator(out, 2, 0);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(rank0.isOn).toBe(true);
      const second = client(out);
      expect(reportOf(await rank0.ended).digest).toBe(digest);
      expect([(await first.ended).code, (await second.ended).code]).toEqual([0, 0]);
    },
    MINUTE,
  );

  test(
    "a client that joins in the middle works, too",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 8);
      client(out);
      await new Promise((resolve) => setTimeout(resolve, 700));
      client(out);
      const report = reportOf(await rank0.ended);
      expect(report.digest).toBe(digest);
      expect(report.clients.every(({ events }) => events > 0)).toBe(true);
      expect(report.clients).toHaveLength(2);
    },
    MINUTE,
  );

  test(
    "a client that is told to go leaves with 0; the others do its work, and nothing is redone",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 2, 5);
      const [leaver, stayer] = [client(out), client(out)];
      await rank0.said(/waiting for 2 clients/);
      await until(() => journalBytes(out) > 2000, "some results");
      leaver.kill("SIGTERM");
      const left = await leaver.ended;
      expect({ code: left.code, stderr: left.stderr }).toEqual({ code: 0, stderr: "" });
      expect(left.stdout).toMatch(/^client \d: \d+ events/);
      const done = await rank0.ended;
      expect(reportOf(done)).toMatchObject({ digest, redone: 0, lost: 0, totals: trueTotals() });
      expect((await stayer.ended).code).toBe(0);
      expect(done.stderr).not.toContain("is gone");
    },
    MINUTE,
  );

  test(
    "a client that is killed is done without, and what it had is redone",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 2, 5);
      const [victim, other] = [client(out), client(out)];
      await until(() => journalBytes(out) > 2000, "some results");
      victim.kill("SIGKILL");
      const done = await rank0.ended;
      const report = reportOf(done);
      expect(report).toMatchObject({ digest, lost: 0, totals: trueTotals() });
      expect(report.redone).toBeGreaterThan(0);
      expect(
        sentencesOf(done).some((line) =>
          /^client \d on \S+ \(pid \d+\) is gone; its events are leased again$/.test(line),
        ),
      ).toBe(true);
      expect((await other.ended).code).toBe(0);
    },
    MINUTE,
  );

  test(
    "a client that was frozen for too long comes back as another, and counts nothing twice",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 2, 20);
      const [frozen, other] = [client(out), client(out)];
      await until(() => journalBytes(out) > 2000, "some results");
      frozen.kill("SIGSTOP");
      await rank0.said(/is gone; its events are leased again/);
      frozen.kill("SIGCONT");
      const done = await rank0.ended;
      expect(reportOf(done)).toMatchObject({ digest, lost: 0, totals: trueTotals() });
      expect((await other.ended).code).toBe(0);
      expect((await frozen.ended).code).toBe(0);
    },
    MINUTE,
  );

  test(
    "strangers at all ports change nothing",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 5);
      const worker = client(out);
      const { joinPort, resultsPort } = connectionIn(out);
      await until(() => journalBytes(out) > 1000, "some results");
      for (let round = 0; round < 10; round++)
        for (const port of [joinPort, resultsPort]) {
          const socket = connect(port, "127.0.0.1");
          socket.on("error", () => undefined);
          socket.write(Buffer.alloc(3000, round));
          setTimeout(() => socket.destroy(), 10 * round);
        }
      const done = await rank0.ended;
      expect(reportOf(done)).toMatchObject({ digest, redone: 0, totals: trueTotals() });
      expect((await worker.ended).code).toBe(0);
    },
    MINUTE,
  );

  test(
    "a second coordinator in the same place is refused while the first one is on",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 0);
      const again = await ended(["coordinator", run.indexPath, "-o", out, "--force", ...LOOPBACK]);
      expect({ code: again.code, said: sentencesOf(again)[0] }).toMatchObject({ code: 2 });
      expect(sentencesOf(again)[0]).toContain("is of a run that is on");
      const elsewhere = await ended([
        "coordinator",
        run.indexPath,
        "-o",
        newOut(),
        "--connection",
        connectionOf(out),
        ...LOOPBACK,
      ]);
      expect(elsewhere.code).toBe(2);
      await client(out).ended;
      expect(reportOf(await rank0.ended).digest).toBe(digest);
    },
    MINUTE,
  );

  test(
    "a connection file elsewhere, of a coordinator that is gone, is replaced; and removed at the end",
    async () => {
      const path = join(folder, "elsewhere.json");
      const gone = newOut();
      const dead = await coordinator(gone, 1, 0);
      writeFileSync(path, readFileSync(connectionOf(gone)), { mode: 0o600 });
      dead.kill("SIGKILL");
      await dead.ended;
      const out = newOut();
      const rank0 = start([
        "coordinator",
        run.indexPath,
        "-o",
        out,
        ...LOOPBACK,
        "--connection",
        path,
        "--json",
      ]);
      await rank0.said(/listening/);
      expect((await ended(["client", path])).code).toBe(0);
      expect((await rank0.ended).code).toBe(0);
      expect(existsSync(path)).toBe(false);
    },
    MINUTE,
  );

  test(
    "without a client the coordinator ends with 1 after --client-timeout",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 0, "--client-timeout", "500ms");
      const done = await rank0.ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done).at(-1)).toMatch(
        /^no client for 0\.5 s, after 0 of 300 events; the same command with --resume goes on$/,
      );
      expect(existsSync(connectionOf(out))).toBe(false);
    },
    MINUTE,
  );

  test(
    "an interrupted coordinator ends with 4, and its clients with 0",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 10);
      const worker = client(out);
      await until(() => journalBytes(out) > 1000, "some results");
      rank0.kill("SIGTERM");
      const done = await rank0.ended;
      expect({ code: done.code, worker: (await worker.ended).code }).toEqual({
        code: 4,
        worker: 0,
      });
      const report = reportOf(done);
      // What was done was counted, too.
      expect(report.totals["count"]).toBe(String(report.events));
    },
    MINUTE,
  );

  test(
    "--insecure is said loudly, and works without keys",
    async () => {
      const out = newOut();
      const rank0 = await coordinator(out, 1, 0, "--insecure");
      expect(readFileSync(connectionOf(out), "utf8")).not.toContain("security");
      expect((await client(out).ended).code).toBe(0);
      const done = await rank0.ended;
      expect(reportOf(done).digest).toBe(digest);
      expect(sentencesOf(done)[0]).toContain("everybody who reaches these ports can join");
    },
    MINUTE,
  );

  test(
    "a port that is taken ends it with a sentence; ports from a range are used",
    async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      const { port } = taken.address() as AddressInfo;
      const out = newOut();
      const refused = await ended([
        "coordinator",
        run.indexPath,
        "-o",
        out,
        "--listen",
        `127.0.0.1:${String(port)}`,
      ]);
      expect(refused.code).toBe(1);
      expect(sentencesOf(refused)[0]).toMatch(
        /^the coordinator can't listen on tcp:\/\/127\.0\.0\.1:\d+: .*in use; choose another with --listen or --ports$/,
      );
      expect(existsSync(out)).toBe(false);
      const high = Math.min(65_535, port + 50);
      const rank0 = await coordinator(out, 1, 0, "--ports", `${String(port)}-${String(high)}`);
      await new Promise((resolve) => taken.close(resolve));
      const { joinPort, resultsPort } = connectionIn(out);
      for (const each of [joinPort, resultsPort]) {
        expect(each).toBeGreaterThan(port);
        expect(each).toBeLessThanOrEqual(high);
      }
      expect((await client(out).ended).code).toBe(0);
      expect((await rank0.ended).code).toBe(0);
    },
    MINUTE,
  );

  test(
    "listens on the host's own name, and tells clients a host that they can reach",
    async () => {
      const out = newOut();
      const rank0 = start([
        "coordinator",
        run.indexPath,
        "-o",
        out,
        "--advertise",
        "localhost",
        "--listen",
        "*",
        "--json",
      ]);
      await until(() => existsSync(connectionOf(out)), "connection file");
      expect(connectionIn(out).hosts).toEqual(["localhost"]);
      expect((await client(out).ended).code).toBe(0);
      expect((await rank0.ended).code).toBe(0);
      // Names of interfaces and of hosts are addresses to listen on.
      for (const host of ["lo", "localhost"]) {
        const named = newOut();
        const other = start([
          "coordinator",
          run.indexPath,
          "-o",
          named,
          "--listen",
          host,
          "--json",
        ]);
        await until(() => existsSync(connectionOf(named)), "connection file");
        expect((await client(named).ended).code).toBe(0);
        expect((await other.ended).code).toBe(0);
      }
    },
    MINUTE,
  );

  test("no process is left", () => {
    expect(processesIn(folder)).toEqual([]);
  });
});

/** Some are there when the first results were written. */
function journalBytes(out: string): number {
  return statSync(join(out, "journal"), { throwIfNoEntry: false })?.size ?? 0;
}
