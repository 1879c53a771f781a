import { expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { run } from "../support/system.ts";

describeWith(["compose"], "docker-compose.yml", () => {
  test("is understood by docker compose, with the services of the demo", () => {
    const v2 = run("docker", ["compose", "config"]);
    const { code, stdout } = v2.code === 0 ? v2 : run("docker-compose", ["config"]);
    expect(code).toBe(0);
    for (const service of ["mock", "coordinator", "client"])
      expect(stdout).toMatch(`  ${service}:`);
  });
});
