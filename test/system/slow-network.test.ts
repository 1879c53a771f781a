import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { ClusterHosts } from "../support/cluster-hosts.ts";
import { connectionOf, MINUTES, Trial, wait } from "../support/run-trial.ts";
import { EVB, type Ran } from "../support/system.ts";

/** One coordinator, five clients. */
const NAMES = ["s0", "s1", "s2", "s3", "s4", "s5"];
const CLIENTS = NAMES.length - 1;
const WIRE = { delayMs: 20, lossPercent: 1, seed: 7 };
const EVENTS = 1000;
const MS = 100;
/** 1000 events of 100 ms by five clients: 20 s. */
const IDEAL_SECONDS = (EVENTS * MS) / 1000 / CLIENTS;

describeWith(["tun"], "six hosts, 20 ms apart, on a network that loses 1 % of all frames", () => {
  let trial: Trial;
  let hosts: ClusterHosts;
  beforeAll(async () => {
    trial = await Trial.begin({ size: { kind: "events", events: EVENTS }, labels: ["red"] });
    hosts = await ClusterHosts.beginSlow("slow", NAMES, WIRE);
  }, MINUTES);
  afterAll(() => {
    hosts.end();
    trial.end();
  });

  const evbOn = (name: string, ...words: string[]): Promise<Ran> =>
    hosts.run(name, [process.execPath, EVB, ...words]);

  test("are so far apart, and lose frames", async () => {
    // Each frame takes 20 ms: a connection (SYN, SYN-ACK) 40 ms, unless one of them is lost: a second more.
    const program = `
      const { connect } = require("node:net");
      const once = () => new Promise((done) => {
        const begun = performance.now();
        connect(9, "${hosts.addressOf("s0")}").on("error", () => done(performance.now() - begun));
      });
      (async () => {
        const times = [];
        for (let left = 20; left > 0; left--) times.push(await once());
        console.log(Math.min(...times));
      })();`;
    const { stdout } = await hosts.run("s1", [process.execPath, "-e", program]);
    expect(Number(stdout)).toBeGreaterThanOrEqual(2 * WIRE.delayMs);
    expect(Number(stdout)).toBeLessThan(2 * WIRE.delayMs + 40);
  });

  test(
    "do a run of 20 s within a quarter and 2 s more, with the answer of one host, and nobody is given up",
    async () => {
      const out = trial.newOut();
      const rank0 = evbOn(
        "s0",
        ...["coordinator", trial.run.indexPath, "-o", out, ...wait(MS), "--json", "--quiet"],
        ...["--clients", String(CLIENTS)],
      );
      const clients = NAMES.slice(1).map((name) => evbOn(name, "client", connectionOf(out)));
      const report = trial.expectUndisturbed(await rank0);
      for (const client of clients) expect((await client).code).toBe(0);
      expect(report.events).toBe(EVENTS);
      expect(report.clients.map(({ host }) => host).sort()).toEqual(NAMES.slice(1));
      expect(report.faults.clientsLost).toBe(0);
      expect(report.redone).toBe(0);
      expect(report.seconds).toBeGreaterThan(IDEAL_SECONDS * 0.99);
      expect(report.seconds).toBeLessThanOrEqual(IDEAL_SECONDS * 1.25 + 2);
      process.stderr.write(
        `slow network: ${report.seconds.toFixed(2)} s, ideal ${String(IDEAL_SECONDS)} s\n`,
      );
    },
    MINUTES,
  );
});
