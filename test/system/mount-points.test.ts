import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { ClusterHosts } from "../support/cluster-hosts.ts";
import { connectionOf, MINUTES, Trial, wait } from "../support/run-trial.ts";
import { EVB, type Ran } from "../support/system.ts";

/** The coordinator's host, and two of clients. */
const NAMES = ["m0", "m1", "m2"];

describeWith(
  ["namespaces", "mounts"],
  "hosts that see the data under different mount points",
  () => {
    let trial: Trial;
    let hosts: ClusterHosts;
    /** Where the run lay when its index was made; no host has it there any more. */
    let indexed: string;
    let kept: string;
    beforeAll(async () => {
      trial = await Trial.begin();
      indexed = join(trial.folder, "run");
      kept = join(trial.folder, "kept");
      renameSync(indexed, kept);
      for (const name of NAMES) mkdirSync(join(trial.folder, "mnt", name), { recursive: true });
      hosts = await ClusterHosts.begin("mounts", NAMES);
    }, MINUTES);
    afterAll(() => {
      hosts.end();
      trial.end();
    });

    const mounted = (name: string): string => join(trial.folder, "mnt", name);

    /** With the data mounted where only this host has them. */
    const evbOn = (name: string, ...words: string[]): Promise<Ran> =>
      hosts.run(name, [
        ...["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"'],
        ...[kept, mounted(name), process.execPath, EVB, ...words],
      ]);

    /** Coordinator and two clients; each is told where its host has the data. */
    async function ranWith(place: (name: string) => readonly string[]): Promise<[Ran, Ran[]]> {
      const out = trial.newOut();
      const words = ["coordinator", trial.run.indexPath, "-o", out, "--json", "--quiet"];
      const more = [...wait(5), "--clients", "2", "--client-timeout", "8s"];
      const rank0 = evbOn("m0", ...words, ...more, ...place("m0"));
      const clients = ["m1", "m2"].map((name) =>
        evbOn(name, "client", connectionOf(out), "--wait", "20s", ...place(name)),
      );
      return [await rank0, await Promise.all(clients)];
    }

    // Three files of data, and the truth about them.
    test("see them there and nowhere else", async () => {
      const look = `for (const place of ${JSON.stringify(NAMES)})
      console.log(require("node:fs").readdirSync(${JSON.stringify(join(trial.folder, "mnt"))} + "/" + place).length)`;
      const { stdout } = await hosts.run("m1", [
        ...["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && exec "$2" -e "$3"'],
        ...[kept, mounted("m1"), process.execPath, look],
      ]);
      expect(stdout.split("\n").map(Number).slice(0, 3)).toEqual([0, 4, 0]);
    });

    test.each([
      ["--data DIR", (name: string) => ["--data", mounted(name)]],
      ["--data FROM=TO", (name: string) => ["--data", `${indexed}=${mounted(name)}`]],
    ])(
      "get the answer of one host with %s",
      async (_, place) => {
        const [done, clients] = await ranWith(place);
        const report = trial.expectUndisturbed(done);
        for (const { code, stderr } of clients)
          expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        expect(report.clients.map(({ host }) => host).sort()).toEqual(["m1", "m2"]);
      },
      MINUTES,
    );

    test(
      "without --data a client ends with 3 and names the file that its host lacks",
      async () => {
        const [done, clients] = await ranWith((name) =>
          name === "m0" ? ["--data", mounted("m0")] : [],
        );
        for (const { code, stderr } of clients) {
          expect({ code, stderr }).toMatchObject({ code: 3 });
          expect(stderr).toContain(join(indexed, "file1.h5"));
        }
        expect(done.code).toBe(1);
      },
      MINUTES,
    );
  },
);
