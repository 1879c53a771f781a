import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../support/run-links.ts";
import { endAll, ended, reportOf, sentencesOf, start } from "../support/run-processes.ts";
import { smallRun, type SmallRun } from "../support/run-small.ts";
import { Trace } from "../support/run-trace.ts";

const MINUTE = 60_000;
/** The client's key pair of zmq_curve(7), "Test key values". */
const OTHERS_KEYS = {
  publicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
  secretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
};
let folder: string;
let run: SmallRun;
let outs = 0;
const newOut = (): string => join(folder, `out${String(++outs)}`);
const connectionOf = (out: string): string => join(out, "connection.json");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-cli-client-"));
  run = await smallRun(folder, { size: { kind: "events", events: 30 } });
}, MINUTE);
afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

async function listening(out: string, ...words: string[]) {
  const running = start([
    "coordinator",
    run.indexPath,
    "-o",
    out,
    "--listen",
    "127.0.0.1",
    "--json",
    ...words,
  ]);
  await until(() => existsSync(connectionOf(out)), "connection file");
  return running;
}

async function secondsOf(words: readonly string[]) {
  const begun = performance.now();
  const done = await ended(words);
  return { done, seconds: (performance.now() - begun) / 1000 };
}

describe("a client", () => {
  test(
    "without connection file waits as long as it is told, then ends with 3",
    async () => {
      const path = join(folder, "no", "connection.json");
      const { done, seconds } = await secondsOf(["client", path, "--wait", "1s"]);
      expect(done).toMatchObject({ code: 3, stdout: "" });
      expect(sentencesOf(done)).toEqual([
        `there is no connection file ${path} after 1 s; start the coordinator, or wait longer with --wait`,
      ]);
      expect(seconds).toBeGreaterThan(1);
      // Its own start takes 0.2 s, or a second where others test, too.
      expect(seconds).toBeLessThan(4);
    },
    MINUTE,
  );

  test(
    "of a coordinator that is dead waits for another one, then ends with 3",
    async () => {
      const out = newOut();
      const rank0 = await listening(out);
      rank0.kill("SIGKILL");
      await rank0.ended;
      const { done, seconds } = await secondsOf(["client", connectionOf(out), "--wait", "1s"]);
      expect(done.code).toBe(3);
      expect(sentencesOf(done)[0]).toMatch(
        /^no coordinator answers at 127\.0\.0\.1:\d+ after 1 s; check that it runs and that a firewall lets its ports through$/,
      );
      expect(seconds).toBeGreaterThan(1);
      expect(seconds).toBeLessThan(5);
    },
    MINUTE,
  );

  test.each(["SIGTERM", "SIGINT"] as const)(
    "that waits for its coordinator goes at %s, with 0",
    async (signal) => {
      const running = start(["client", join(folder, "no", "connection.json")]);
      // Its start takes 0.3 s, or some seconds where others test, too.
      await new Promise((resolve) => setTimeout(resolve, 4000));
      running.kill(signal);
      expect(await running.ended).toEqual({ code: 0, stdout: "", stderr: "" });
    },
    MINUTE,
  );

  test(
    "refuses a connection file that others can read, and one of garbage",
    async () => {
      const path = join(folder, "readable.json");
      writeFileSync(path, "{}");
      chmodSync(path, 0o644);
      const readable = await ended(["client", path]);
      expect(readable.code).toBe(3);
      expect(sentencesOf(readable)[0]).toContain("is refused: its mode is 0644");
      chmodSync(path, 0o600);
      const garbage = await ended(["client", path]);
      expect(garbage.code).toBe(3);
      expect(sentencesOf(garbage)[0]).toContain("can't be used:");
    },
    MINUTE,
  );

  test(
    "with another run's keys is refused, and says so",
    async () => {
      const out = newOut();
      const rank0 = await listening(out);
      const text = JSON.parse(readFileSync(connectionOf(out), "utf8")) as {
        security: { client: object };
      };
      text.security.client = OTHERS_KEYS;
      const forged = join(folder, "forged.json");
      writeFileSync(forged, JSON.stringify(text), { mode: 0o600 });
      const refused = await ended(["client", forged, "--wait", "5s"]);
      expect(refused.code).toBe(3);
      expect(sentencesOf(refused)[0]).toMatch(
        /^the coordinator at 127\.0\.0\.1:\d+ refuses this client's key; take the connection file of the run that is on$/,
      );
      expect((await ended(["client", connectionOf(out)])).code).toBe(0);
      expect(reportOf(await rank0.ended)).toMatchObject({ events: 30, lost: 0 });
    },
    MINUTE,
  );

  test(
    "that loses its coordinator ends with 1 after --client-timeout",
    async () => {
      const out = newOut();
      const traced = ["--trace", `${out}.trace`];
      const rank0 = await listening(out, "--analysis", "wait", "--set", "ms=500", ...traced);
      const worker = start(["client", connectionOf(out), "--client-timeout", "700ms"]);
      await new Trace(`${out}.trace`).untilCommitted(rank0, 1);
      rank0.kill("SIGKILL");
      const done = await worker.ended;
      expect(done.code).toBe(1);
      expect(sentencesOf(done)).toEqual([
        "the coordinator has not been heard of for 0.7 s, so this client ends; its unacknowledged events are leased again",
      ]);
      await rank0.ended;
    },
    MINUTE,
  );

  test(
    "whose data lie elsewhere is told so with --data; where they don't, it ends with 3",
    async () => {
      const moved = join(folder, "moved");
      const out = newOut();
      const rank0 = await listening(out);
      renameSync(join(folder, "run"), moved);
      try {
        const lost = await ended(["client", connectionOf(out)]);
        expect(lost.code).toBe(3);
        expect(sentencesOf(lost)[0]).toMatch(
          /which .* describes, can't be read: there is no such file; if the run was moved, say where with --data DIR/,
        );
        const found = await ended(["client", connectionOf(out), "--data", moved]);
        expect({ code: found.code, stderr: found.stderr }).toEqual({ code: 0, stderr: "" });
        expect(reportOf(await rank0.ended)).toMatchObject({ events: 30, lost: 0, failed: 0 });
      } finally {
        renameSync(moved, join(folder, "run"));
      }
    },
    MINUTE,
  );

  test(
    "whose data changed since they were indexed ends with 3; so does a run",
    async () => {
      const out = newOut();
      const path = join(folder, "run", "file2.h5");
      // Long enough for a client to come on a busy machine.
      const rank0 = await listening(out, "--client-timeout", "5s");
      const before = readFileSync(path);
      const changed = Buffer.from(before);
      changed[changed.length - 1]! ^= 1;
      writeFileSync(path, changed);
      try {
        const stale = await ended(["client", connectionOf(out)]);
        expect(stale.code).toBe(3);
        expect(sentencesOf(stale)[0]).toMatch(
          /no longer describes .*file2\.h5: its first or last 64 kB changed; run `evb index` again/,
        );
        expect((await rank0.ended).code).toBe(1);
        const refused = await ended(["run", run.indexPath, "-o", newOut()]);
        expect(refused.code).toBe(3);
        expect(sentencesOf(refused)[0]).toContain("no longer describes");
      } finally {
        writeFileSync(path, before);
      }
    },
    MINUTE,
  );

  test(
    "wants a connection file, and times that are times",
    async () => {
      expect((await ended(["client"])).code).toBe(2);
      const wrong = await ended(["client", "x.json", "--wait", "soon"]);
      expect({ code: wrong.code, said: sentencesOf(wrong) }).toEqual({
        code: 2,
        said: ["--wait soon is not understood; give a time such as 500ms, 60s, 5m or 2h"],
      });
    },
    MINUTE,
  );
});
