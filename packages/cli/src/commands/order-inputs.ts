import { createWriteStream, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { sentenceOf } from "@evb/event";
import { findInputs } from "@evb/index";
import { fault } from "../faults.ts";
import { PIPE } from "../pipe.ts";
import type { OrderArguments } from "./order-arguments.ts";

/** The files that are to be ordered; a pipe is put into one first, as it is read twice. */
export async function findRingInputs(
  argv: Pick<OrderArguments, "input" | "out" | "stagearea" | "split">,
  signal: AbortSignal,
): Promise<{ paths: string[]; close(): void }> {
  const named = argv.input.filter((input) => input !== PIPE);
  const found = named.length === 0 ? [] : await findInputs(named, ["evt"]);
  const paths = found.map(({ path }) => path);
  if (named.length === argv.input.length) return { paths, close: () => undefined };
  const spool = `${resolve(argv.out ?? argv.stagearea ?? argv.split ?? "")}.spool.${String(process.pid)}`;
  try {
    await pipeline(process.stdin, createWriteStream(spool, { flags: "wx" }), { signal });
  } catch (thrown) {
    rmSync(spool, { force: true });
    if (signal.aborted) throw fault("pipe-stopped", {});
    throw fault("pipe-not-kept", { path: spool, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return {
    paths: [...paths, spool],
    close: () => {
      rmSync(spool, { force: true });
    },
  };
}
