import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../support/run-links.ts";
import { endAll, ended, reportOf, sentencesOf, start } from "../support/run-processes.ts";
import { smallRun, type SmallRun } from "../support/run-small.ts";

const MINUTE = 60_000;
const WAIT = ["--analysis", "wait", "--json", "--set"];
let folder: string;
let run: SmallRun;
let outs = 0;
const newOut = (): string => join(folder, `out${String(++outs)}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-limits-"));
  run = await smallRun(folder);
}, MINUTE);
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

const coordinatorWords = (out: string, clients: number): string[] =>
  `coordinator ${run.indexPath} -o ${out} --listen 127.0.0.1 --clients ${String(clients)}`.split(
    " ",
  );

describe("a coordinator on a host with few file descriptors", () => {
  test(
    "says at once how many it needs for its clients",
    async () => {
      const out = newOut();
      const refused = await ended(coordinatorWords(out, 100), { openFiles: 256 });
      // 7 for each client, some twenty that are open, 32 to spare.
      expect({ code: refused.code, sentences: sentencesOf(refused) }).toEqual({
        code: 2,
        sentences: [
          expect.stringMatching(
            /^100 clients need some 7[4-6]\d file descriptors, and this host allows 256; raise `ulimit -n` to 7[4-6]\d, or start fewer clients$/,
          ),
        ],
      });
      expect(existsSync(out)).toBe(false);
    },
    MINUTE,
  );

  test(
    "so does one whose clients are on the same host",
    async () => {
      const words = ["run", run.indexPath, "-o", newOut(), "--clients", "100"];
      const refused = await ended(words, { openFiles: 256 });
      expect(refused.code).toBe(2);
      expect(sentencesOf(refused)[0]).toMatch(/^100 clients need some 7\d\d file descriptors/);
    },
    MINUTE,
  );

  test(
    "and of more clients than a process can have sockets for",
    async () => {
      const refused = await ended(coordinatorWords(newOut(), 40_000));
      expect(refused.code).toBe(2);
      // 65,535 for ZeroMQ, two a client.
      expect(sentencesOf(refused)).toEqual([
        "40000 clients are more than a coordinator can have sockets for; start 32766 at most",
      ]);
    },
    MINUTE,
  );

  test(
    "does its run with those that it has enough for, and refuses the others with a sentence",
    async () => {
      const whole = await ended(["run", run.indexPath, "-o", newOut(), ...WAIT, "ms=0"]);
      const out = newOut();
      // Its own 32 with the sockets and 32 to spare leave room for four.
      const words = [...coordinatorWords(out, 2), ...WAIT, "ms=100"];
      const rank0 = start(words, { openFiles: 96 });
      const connection = join(out, "connection.json");
      await until(() => existsSync(connection) || !rank0.isOn, "connection file");
      const clients = Array.from({ length: 6 }, () => start(["client", connection]));
      const done = await rank0.ended;
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      const report = reportOf(done);
      expect(report.digest).toBe(reportOf(whole).digest);
      const refused = (await Promise.all(clients.map((client) => client.ended))).filter(
        ({ code }) => code !== 0,
      );
      expect(report.clients.length + refused.length).toBe(6);
      expect(refused.length).toBeGreaterThan(0);
      for (const each of refused) {
        expect(each.code).toBe(1);
        expect(sentencesOf(each)[0]).toMatch(
          /no client can join any more: \d have, and the coordinator's host allows 96 file descriptors; raise `ulimit -n` there/,
        );
      }
    },
    2 * MINUTE,
  );
});
