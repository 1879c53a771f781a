import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { Compose } from "../support/compose.ts";
import { EVB, evb, run, temporaryFolder } from "../support/system.ts";

const MINUTE = 60_000;
/** Of the image, by the issue; of it evb has 19 MB, the rest is Debian with Node. */
const IMAGE_BYTES_MAX = 350e6;
const OWN_BYTES_MAX = 30e6;
const EVENTS = 750;
/** Of one core for all events: enough for everything that is done to the run meanwhile. */
const EVENT_MS = 100;

describeWith(["compose"], "docker-compose.yml", () => {
  test("is understood by docker compose, with the services of the demo", () => {
    const v2 = run("docker", ["compose", "config"]);
    const { code, stdout } = v2.code === 0 ? v2 : run("docker-compose", ["config"]);
    expect(code).toBe(0);
    for (const service of ["before", "coordinator", "client"])
      expect(stdout).toMatch(`  ${service}:`);
  });
});

describeWith(["docker"], "evb in containers", () => {
  const folder = temporaryFolder();
  const at = (path: string): string => join(folder.path, path);
  const compose = new Compose(folder.path);
  afterAll(() => {
    compose.end();
    folder.remove();
  });

  beforeAll(() => {
    compose.begin();
    const size = ["--files", "4", "--events", String(EVENTS), "--event-size", "4kB"];
    evb("generate", at("facility/run1"), ...size, "--quiet");
    mkdirSync(at("results"));
    evb("index", at("facility/run1"), "-o", at("results/run1.index.h5"), "--all", "--quiet");
    execFileSync("chown", ["-R", "1000:1000", at("results")]);
  }, 3 * MINUTE);

  describe("the image", () => {
    test("is of a bounded size", () => {
      const bytes = Number(compose.docker("image", "inspect", "--format", "{{.Size}}", "evb"));
      const base = ["image", "inspect", "--format", "{{.Size}}", "node:20-bookworm-slim"];
      expect(bytes).toBeLessThan(IMAGE_BYTES_MAX);
      expect(bytes - Number(compose.docker(...base))).toBeLessThan(OWN_BYTES_MAX);
    });

    test("is run by somebody other than root, and has the libraries that evb needs", () => {
      const inIt = (program: string, ...words: string[]): string =>
        compose.docker("run", "--rm", "--entrypoint", program, "evb", ...words);
      expect(inIt("id", "-u")).toBe("1000");
      const libraries = inIt("ls", "/usr/local/lib/evb/node_modules").split("\n");
      expect(libraries).toEqual(expect.arrayContaining(["h5wasm", "zeromq"]));
      for (const tool of ["typescript", "jest", "esbuild"]) expect(libraries).not.toContain(tool);
      for (const name of ["evb", "coordinator", "client"])
        expect(inIt(name, "--version")).toBe("0.1.0");
    });
  });

  describe("a run, whose data lie elsewhere than on the host", () => {
    const client = (n: number): string => `evb-client-${String(n)}`;
    const healthy = (): number =>
      compose.docker("ps", "--quiet", "--filter", "health=healthy").split("\n").length;
    const reportOf = (): { ended?: string } =>
      JSON.parse(readFileSync(at("results/out/report.json"), "utf8")) as { ended?: string };
    const listened = (): number =>
      compose.compose("logs", "coordinator").split("listening on").length - 1;

    beforeAll(() => {
      const run1 = "/results/run1.index.h5 --data=/data/run1";
      compose.set({
        EVB_DATA: at("facility"),
        EVB_RESULTS: at("results"),
        EVB_BEFORE: "true",
        EVB_COORDINATOR: `coordinator ${run1} --out=/results/out --resume --clients=3 --analysis=wait --set ms=${String(EVENT_MS)}`,
        EVB_CLIENT: "--data=/data/run1 --client-timeout=60s",
      });
      compose.compose("up", "--detach", "--no-build", "--scale", "client=3");
    }, MINUTE);

    test(
      "is healthy as soon as all are connected",
      async () => {
        await compose.until("four are healthy", () => healthy() === 4, 30);
      },
      MINUTE,
    );

    test("is limited, and can write into the results only", () => {
      const limits = ".HostConfig.Memory}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop";
      expect(compose.inspect("client", limits)).toBe("4294967296 true [ALL]");
      const touch = (path: string): number | null =>
        compose.try("docker", ["exec", client(1), "sh", "-c", `echo > ${path}`]).code;
      expect([touch("/data/new"), touch("/usr/local/new")]).not.toContain(0);
      expect(touch("/results/new")).toBe(0);
    });

    test(
      "takes more clients while it is on",
      async () => {
        const more = ["--detach", "--no-build", "--no-recreate", "--no-deps"];
        compose.compose("up", ...more, "--scale", "client=5", "client");
        await compose.until("six are healthy", () => healthy() === 6, 30);
      },
      MINUTE,
    );

    test(
      "loses clients that are stopped, killed, paused or crash, and starts the last again",
      async () => {
        compose.docker("pause", client(1));
        compose.docker("kill", client(2));
        compose.docker("stop", client(3));
        compose.crash(client(4));
        expect(compose.docker("inspect", "--format", "{{.State.ExitCode}}", client(3))).toBe("0");
        const restarts = ["inspect", "--format", "{{.RestartCount}}", client(4)];
        await compose.until(
          "client 4 is started again",
          () => compose.docker(...restarts) === "1",
          20,
        );
        compose.docker("unpause", client(1));
      },
      MINUTE,
    );

    test(
      "goes on where its coordinator crashed",
      async () => {
        compose.crash("evb-coordinator-1");
        const restarts = (): string => compose.inspect("coordinator", ".RestartCount");
        await compose.until("the coordinator is started again", () => restarts() === "1", 20);
        await compose.until("it listens again", () => listened() === 2, 20);
      },
      MINUTE,
    );

    test(
      "says by exit code 4 that it was stopped",
      () => {
        compose.compose("stop", "coordinator");
        expect(compose.inspect("coordinator", ".State.ExitCode")).toBe("4");
        expect(reportOf().ended).toContain("--resume");
      },
      MINUTE,
    );

    test(
      "ends, started once more, with the digest of one host",
      async () => {
        compose.compose("up", "--detach", "--no-build", "--no-recreate", "--scale", "client=3");
        const state = (): string => compose.inspect("coordinator", ".State.Status");
        await compose.until("the coordinator is done", () => state() === "exited", 60);
        expect(compose.inspect("coordinator", ".State.ExitCode")).toBe("0");
        const here = ["-o", at("here"), "--clients", "1", "--analysis", "wait", "--set", "ms=0"];
        const ran = evb("run", at("results/run1.index.h5"), ...here, "--json", "--quiet");
        const { digest } = JSON.parse(ran) as { digest: string };
        expect(reportOf()).toMatchObject({ digest, events: EVENTS, lost: 0, failed: 0 });
      },
      2 * MINUTE,
    );
  });

  test(
    "a job file's run is done by evb submit --with compose",
    async () => {
      compose.forget();
      const job = at("facility/night.yaml");
      writeFileSync(job, "kind: run\ninputs: [run1]\nindex: night.h5\noutput: night\nclients: 2\n");
      const words = [
        "submit",
        job,
        "--with",
        "compose",
        "--compose-file",
        at("evb/docker-compose.yml"),
      ];
      const { code, stderr } = compose.try(process.execPath, [EVB, ...words]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const state = (): string => compose.inspect("coordinator", ".State.Status");
      await compose.until("the coordinator is done", () => state() === "exited", 60);
      // The index names the files as the containers do.
      const here = ["-o", at("night-here"), "--data", at("facility/run1"), "--clients", "1"];
      evb("run", at("facility/night.h5"), ...here, "--quiet");
      const digestOf = (out: string): unknown =>
        (JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as { digest: unknown }).digest;
      expect(digestOf(at("facility/night"))).toBe(digestOf(at("night-here")));
    },
    2 * MINUTE,
  );
});
