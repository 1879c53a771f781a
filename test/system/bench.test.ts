import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { describeWith } from "../support/capabilities.ts";
import { ROOT, run } from "../support/system.ts";

/** Benchmarks with floors low enough for a busy machine; their figures are printed. */
function benchmark(name: string, ...args: readonly string[]): void {
  const { code, stdout, stderr } = run(process.execPath, [join(ROOT, "test/bench", name), ...args]);
  process.stderr.write(stdout.replace(/^json .*\n/m, ""));
  expect(stderr).toBe("");
  expect(code).toBe(0);
}

describeWith(["h5py"], "the match", () => {
  test("is faster than numpy's searchsorted, and takes 10 × 10^6 stamps in half a second", () => {
    benchmark("match.mjs", "--rounds", "5");
  });
});

describeWith(["h5py", "mpi", "disk"], "reading", () => {
  test("is measured against the old system's scheme", () => {
    benchmark("read.mjs", "--rounds", "3", "--megabytes", "3000");
  });

  test("is measured against pread in C, and h5py, for chunks and filters of several kinds", () => {
    benchmark("reading.mjs", "--rounds", "3", "--megabytes", "800", "--passes", "3");
  });
});

describeWith(["h5py", "disk"], "reading from a disk", () => {
  test("is measured against h5py, where the pages in memory can be forgotten", () => {
    benchmark("cold.mjs", "--rounds", "3");
  });
});

describeWith(["h5py"], "clients", () => {
  test("begin soon on a thousand files, and take little memory", () => {
    benchmark("clients.mjs", "--rounds", "1", "--megabytes", "100");
  });
});

describeWith(["h5py", "disk"], "order", () => {
  test("is measured against cp, sha512sum, and what memory it may take", () => {
    benchmark("order.mjs", "--rounds", "3", "--fragments", "4000000");
  });
});

describe("dispatch", () => {
  const size = ["--rounds", "1", "--events", "1000000", "--leases", "300000", "--clients", "16"];

  test("is measured against a bare exchange of messages, by batches and by the coordinator's CPU", () => {
    benchmark("dispatch.mjs", ...size, "--only", "0");
  });

  test("begins soon after its clients do, as programs that do nothing are over", () => {
    benchmark("dispatch.mjs", ...size, "--only", "1");
  });

  test("leaves the coordinator's memory small", () => {
    benchmark("dispatch.mjs", ...size, "--only", "2");
  });

  test("takes back from a client what it hasn't begun, and soon", () => {
    benchmark("dispatch.mjs", ...size, "--only", "3");
  });
});
