import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { sentenceOf } from "@evb/event";
import { findInputs } from "@evb/index";
import { fault } from "../faults.ts";
import { PIPE } from "../pipe.ts";
import type { OrderArguments } from "./order-arguments.ts";

const BLOCK_BYTES = 2 ** 20;

/** The files that are to be ordered; a pipe is put into one first, as it is read twice. */
export async function findRingInputs(
  argv: Pick<OrderArguments, "input" | "out" | "stagearea" | "split">,
): Promise<{ paths: string[]; close(): void }> {
  const named = argv.input.filter((input) => input !== PIPE);
  const found = named.length === 0 ? [] : await findInputs(named, ["evt"]);
  const paths = found.map(({ path }) => path);
  if (named.length === argv.input.length) return { paths, close: () => undefined };
  const spool = `${resolve(argv.out ?? argv.stagearea ?? argv.split ?? "")}.spool.${String(process.pid)}`;
  try {
    copyStdin(spool);
  } catch (thrown) {
    rmSync(spool, { force: true });
    throw fault("pipe-not-kept", { path: spool, reason: sentenceOf(thrown) }, { cause: thrown });
  }
  return {
    paths: [...paths, spool],
    close: () => {
      rmSync(spool, { force: true });
    },
  };
}

function copyStdin(path: string): void {
  const fd = openSync(path, "wx");
  try {
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const bytes = readSome(block);
      if (bytes === 0) return;
      for (let done = 0; done < bytes;) done += writeSync(fd, block, done, bytes - done);
    }
  } finally {
    closeSync(fd);
  }
}

/** A pipe that another process keeps from blocking says so while it is empty. */
function readSome(block: Uint8Array): number {
  for (;;)
    try {
      return readSync(0, block, 0, block.length, null);
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
}

const PAUSE_MS = 5;
