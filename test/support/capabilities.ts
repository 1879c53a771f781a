import { describe } from "@jest/globals";

interface Capability {
  readonly can: boolean;
  readonly what: string;
}

/** What test/probe.mjs found, handed over by test/run.mjs. */
const capabilities = JSON.parse(process.env["EVB_CAPABILITIES"] ?? "{}") as Record<
  string,
  Capability
>;

/**
 * Tests that need something of the machine. Where it is missing they are skipped, and the reason is
 * printed; this is the only place that may skip a test.
 */
export function describeWith(needs: readonly string[], concept: string, tests: () => void): void {
  const missing = needs.filter((name) => capabilities[name]?.can !== true);
  if (missing.length === 0) {
    describe(concept, tests);
    return;
  }
  const reasons = missing.map((name) => capabilities[name]?.what ?? name).join(", ");
  process.stderr.write(`skipped: ${concept}; this machine lacks: ${reasons}\n`);
  describe.skip(concept, tests);
}
