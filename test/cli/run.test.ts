import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { JournalReader } from "@evb/runner";
import { evb, evbLine } from "../support/evb.ts";
import { until } from "../support/run-links.ts";
import {
  endAll,
  ended,
  processesIn,
  reportOf,
  sentencesOf,
  start,
} from "../support/run-processes.ts";
import { reportIn, smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
/** Of the small run's three files. */
const ROW_BYTES = 40;
const EVENT_BYTES_MAX = 3 * ROW_BYTES;
let folder: string;
let run: SmallRun;
let digest: string | undefined;
let outs = 0;
const newOut = (): string => join(folder, `out${String(++outs)}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-run-"));
  run = await smallRun(folder);
  digest = reportOf(
    await ended(["run", run.indexPath, "-o", newOut(), "--clients", "1", "--json"]),
  ).digest;
}, MINUTE);
afterAll(() => {
  endAll();
  const left = processesIn(folder);
  rmSync(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

const trueTotals = (): object => ({
  count: String(run.truth.all.events),
  first: run.truth.all.first,
});

describe("evb run", () => {
  test.each([
    [1, 1],
    [1, 7],
    [1, 1000],
    [2, 1],
    [2, 7],
    [2, 1000],
    [5, 1],
    [5, 7],
    [5, 1000],
  ])(
    "with %i clients and batches of %i finds the same",
    async (clients, batch) => {
      const out = newOut();
      const words = ["--clients", String(clients), "--batch", String(batch), "--json"];
      const done = await ended(["run", run.indexPath, "-o", out, ...words]);
      const report = reportOf(done);
      expect({ code: done.code, digest: report.digest }).toEqual({ code: 0, digest });
      expect(report).toMatchObject({
        events: run.truth.all.events,
        fragments: run.truth.all.fragments,
        lost: 0,
        redone: 0,
        failed: 0,
        totals: trueTotals(),
      });
      // At the end an idle client may do once more what another one has begun.
      const once = run.truth.all.fragments * ROW_BYTES;
      expect(report.bytes).toBeGreaterThanOrEqual(once);
      expect(report.bytes).toBeLessThanOrEqual(once + report.faults.doubled * EVENT_BYTES_MAX);
      expect(report.clients).toHaveLength(clients);
      expect(report.clients.reduce((sum, client) => sum + client.events, 0)).toBe(report.events);
      // Each client says at its end what it did.
      const lines = sentencesOf(done);
      expect(
        lines.map((line) =>
          line.replace(/^client \d+: [\d,]+ events?, .* in \d+\.\d+ s$/, "client"),
        ),
      ).toEqual(Array.from({ length: clients }, () => "client"));
      expect(readdirSync(out).sort()).toEqual(["journal", "report.json", "results.h5"]);
      expect(reportIn(out)).toEqual(JSON.parse(JSON.stringify(report)));
      expect(processesIn(out)).toEqual([]);
    },
    MINUTE,
  );

  test(
    "with one client and a built-in analysis opens no socket, and loads no ZeroMQ",
    async () => {
      const libraries = async (clients: number): Promise<string> => {
        const out = newOut();
        const words = ["--clients", String(clients), "--analysis", "wait", "--set", "ms=20"];
        const running = start(["run", run.indexPath, "-o", out, ...words]);
        const begun = join(out, clients === 1 ? "journal" : "connection.json");
        await until(() => existsSync(begun), "begin of the run");
        const maps = readFileSync(`/proc/${String(running.pid)}/maps`, "utf8");
        running.kill("SIGINT");
        await running.ended;
        return maps;
      };
      expect(await libraries(1)).not.toContain("zeromq");
      expect(await libraries(2)).toContain("zeromq");
    },
    MINUTE,
  );

  test(
    "prints a summary and where the results are",
    async () => {
      const out = newOut();
      const { code, stdout } = await ended([
        "run",
        run.indexPath,
        "-o",
        out,
        "--clients",
        "2",
        "--quiet",
      ]);
      expect(code).toBe(0);
      expect(stdout).toContain("300 events");
      expect(stdout.trimEnd().split("\n").at(-1)).toBe(`results ${join(out, "results.h5")}`);
    },
    MINUTE,
  );

  test(
    "takes some of the events, and of the sources",
    async () => {
      const words = ["--clients", "1", "--json"];
      const part = reportOf(
        await ended(["run", run.indexPath, "-o", newOut(), "--events", "100:150", ...words]),
      );
      expect(part).toMatchObject({ events: 50, totals: { count: "50" } });
      const one = reportOf(
        await ended(["run", run.indexPath, "-o", newOut(), "--sources", "file[23]", ...words]),
      );
      const { files } = run.truth;
      expect(one).toMatchObject({ events: 300, fragments: files[1]!.matched + files[2]!.matched });
    },
    MINUTE,
  );

  test.each<[string, string[], number, RegExp]>([
    ["no events", ["--events", "7:7"], 2, /--events 7:7 is no range of this index's 300 events/],
    [
      "no such source",
      ["--sources", "x*"],
      2,
      /no source is called x\*; there are file1, file2, file3/,
    ],
    ["half a client", ["--clients", "0.5"], 2, /--clients 0.5 is not understood/],
    ["no batch", ["--batch", "0"], 2, /--batch 0 is not understood/],
    [
      "an unknown analysis",
      ["--analysis", "sums"],
      2,
      /there is no analysis sums: it is neither a file nor one of read, stats/,
    ],
    [
      "a module that isn't there",
      ["--analysis", "./mine.ts"],
      2,
      /there is no analysis \.\/mine\.ts/,
    ],
    [
      "an option of an analysis",
      ["--analysis", "wait", "--set", "us=5"],
      2,
      /the analysis wait has no option us; it has ms, slowRank, slowBy/,
    ],
    [
      "a value of an option",
      ["--analysis", "wait", "--set", "ms=long"],
      2,
      /--set ms=long: ms of the analysis wait is a number/,
    ],
    ["a setting without value", ["--set", "ms"], 2, /--set ms is not understood; give name=value/],
    ["ports that are none", ["--ports", "5-1"], 2, /--ports 5-1 is not understood/],
    [
      "too few ports",
      ["--clients", "3", "--ports", "40000-40003"],
      2,
      /--ports 40000-40003 is too narrow: 3 clients take 5 ports/,
    ],
    [
      "a host that isn't here",
      ["--clients", "2", "--listen", "192.0.2.1"],
      1,
      /can't listen on tcp:\/\/192\.0\.2\.1:/,
    ],
  ])(
    "is refused: %s",
    async (_, words, code, sentence) => {
      const out = newOut();
      const done = await ended(["run", run.indexPath, "-o", out, ...words]);
      const sentences = sentencesOf(done);
      expect({ code: done.code, sentences: sentences.length }).toEqual({ code, sentences: 1 });
      expect(sentences[0]).toMatch(sentence);
      // So that the same command can be typed again.
      expect(existsSync(out)).toBe(false);
    },
    MINUTE,
  );

  test(
    "a folder or a file of data in place of the index is refused with the line to type",
    async () => {
      for (const input of [join(folder, "run"), join(folder, "run", "file1.h5")]) {
        const done = await ended(["run", input, "-o", newOut()]);
        expect(done.code).toBe(2);
        expect(sentencesOf(done)[0]).toContain(`\`evb index ${input} -o run.index.h5\``);
      }
      const missing = await ended(["run", join(folder, "no.index.h5"), "-o", newOut()]);
      expect(missing.code).toBe(3);
      expect(sentencesOf(missing)[0]).toContain("evb index");
    },
    MINUTE,
  );

  test(
    "results in place of the index are refused",
    async () => {
      const done = await ended(["run", join(folder, "out1", "results.h5"), "-o", newOut()]);
      expect(done.code).toBe(2);
      expect(sentencesOf(done)[0]).toContain("the results of a run");
    },
    MINUTE,
  );

  test(
    "OUT that exists is refused; --force empties it, but for what others put there",
    async () => {
      const out = join(folder, "out1");
      const refused = await ended(["run", run.indexPath, "-o", out]);
      expect({ code: refused.code, said: sentencesOf(refused)[0] }).toEqual({
        code: 2,
        said: `${out} exists already; choose another name, --resume to go on with the run in it, or --force to start anew in its place`,
      });
      const forced = await ended([
        "run",
        run.indexPath,
        "-o",
        out,
        "--force",
        "--clients",
        "1",
        "--json",
      ]);
      expect({ code: forced.code, digest: reportOf(forced).digest }).toEqual({ code: 0, digest });
      writeFileSync(join(out, "notes.txt"), "mine");
      const foreign = await ended(["run", run.indexPath, "-o", out, "--force"]);
      expect({ code: foreign.code, said: sentencesOf(foreign)[0] }).toEqual({
        code: 2,
        said: `${out} holds notes.txt, which evb didn't write, so --force won't remove it; choose another name`,
      });
      expect(existsSync(join(out, "results.h5"))).toBe(true);
    },
    MINUTE,
  );
});

describe("evb run on a disk that is full", () => {
  test(
    "ends with 1, and says which file couldn't be written",
    () => {
      const out = newOut();
      const command = evbLine(`run "${run.indexPath}" -o "${out}" --clients 2 --quiet`);
      // No file may have more than 20 blocks of 512 bytes; the journal wants 28 kB. Where a record ends
      // by chance, nothing is torn.
      const { status, stderr } = spawnSync("sh", ["-c", `ulimit -f 20; ${command}`], {
        encoding: "utf8",
        timeout: MINUTE,
      });
      expect({ status, stderr }).toMatchObject({ status: 1 });
      expect(sentencesOf({ code: status, stdout: "", stderr }).at(-1)).toMatch(
        /^the journal .*journal can't be written: EFBIG: .*; make room, and the same command with --resume goes on from its last whole record$/,
      );
      expect(readdirSync(out).sort()).toEqual(["coordinator.json", "journal", "report.json"]);
      const reader = new JournalReader(join(out, "journal"));
      expect([...reader.records()].length).toBeGreaterThan(2);
      const isTorn = reader.restBytes > 0;
      reader.close();
      // There is room again.
      const again = evb(["run", run.indexPath, "-o", out, "--clients", "2", "--json", "--resume"]);
      expect(reportOf(again)).toMatchObject({
        events: 300,
        digest,
        totals: trueTotals(),
        faults: { journalCuts: isTorn ? 1 : 0 },
      });
    },
    MINUTE,
  );
});

describe("evb run, interrupted", () => {
  /** One that would take 30 s. */
  const long = (out: string, ...words: string[]) =>
    start(["run", run.indexPath, "-o", out, "--analysis", "wait", "--json", ...words]);

  test.each(["SIGINT", "SIGTERM"] as const)(
    "by %s stops, keeps what was done, and ends with 4",
    async (signal) => {
      const out = newOut();
      const running = long(out, "--clients", "2", "--set", "ms=200");
      await until(
        () => existsSync(join(out, "connection.json")) && processesIn(out).length === 3,
        "clients",
      );
      running.kill(signal);
      const done = await running.ended;
      expect(done.code).toBe(4);
      expect(sentencesOf(done).at(-1)).toMatch(
        /^stopped after \d+ of 300 events; the same command with --resume goes on from .*$/,
      );
      expect(readdirSync(out).sort()).toEqual(["coordinator.json", "journal", "report.json"]);
      expect(processesIn(out)).toEqual([]);
    },
    MINUTE,
  );

  test(
    "twice ends at once with 130, and leaves no client behind",
    async () => {
      const out = newOut();
      // A client that sleeps for a minute doesn't hear that it is over.
      const running = long(out, "--clients", "2", "--set", "ms=60000");
      await until(
        () => existsSync(join(out, "connection.json")) && processesIn(out).length === 3,
        "clients",
      );
      running.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 300));
      running.kill("SIGINT");
      const done = await running.ended;
      expect(done.code).toBe(130);
      await until(() => processesIn(out).length === 0, "end of the clients");
    },
    MINUTE,
  );

  test(
    "by its time limit ends with 4",
    async () => {
      for (const clients of ["1", "2"]) {
        const out = newOut();
        const done = await long(
          out,
          "--clients",
          clients,
          "--set",
          "ms=200",
          "--time-limit",
          "1500ms",
        ).ended;
        expect(done.code).toBe(4);
        expect(sentencesOf(done).at(-1)).toMatch(/^stopped after \d+ of 300 events/);
        expect(reportOf(done).digest).toBeUndefined();
        expect(processesIn(out)).toEqual([]);
      }
    },
    MINUTE,
  );

  test.each(["1", "2"])(
    "by a limit that is over at once ends with 4, with %s clients",
    async (clients) => {
      const out = newOut();
      const done = await long(out, "--clients", clients, "--time-limit", "0").ended;
      expect(done.code).toBe(4);
      expect(sentencesOf(done).at(-1)).toMatch(/^stopped after 0 of 300 events/);
      expect(processesIn(out)).toEqual([]);
    },
    MINUTE,
  );

  test(
    "a client that dies is replaced; one that dies again and again is not: exit 1",
    async () => {
      const out = newOut();
      const running = start([
        "run",
        run.indexPath,
        "-o",
        out,
        "--analysis",
        "wait",
        "--set",
        "ms=5",
        "--clients",
        "2",
        "--json",
      ]);
      await until(
        () => existsSync(join(out, "connection.json")) && processesIn(out).length === 3,
        "clients",
      );
      const [victim] = processesIn(out).filter((pid) => pid !== running.pid);
      // A child of the command that this test started.
      process.kill(victim!, "SIGKILL");
      const done = await running.ended;
      expect(done.code).toBe(0);
      expect(reportOf(done)).toMatchObject({ events: 300, lost: 0, totals: trueTotals() });

      const none = newOut();
      const module = join(folder, "deadly.js");
      writeFileSync(
        module,
        "export default { setup: () => process.kill(process.pid, 'SIGKILL') };",
      );
      const failed = await ended(["run", run.indexPath, "-o", none, "--analysis", module]);
      expect(failed.code).toBe(1);
      expect(sentencesOf(failed).at(-1)).toMatch(
        /^all 1 clients ended before the end of the run; the same command with --resume goes on/,
      );
    },
    MINUTE,
  );
});
