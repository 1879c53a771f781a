import { streamsOf, type RingStream } from "@evb/index";
import { orderRuns, type OrderOutcome } from "@evb/runner";
import { orderSummary } from "@evb/watch";
import { fault } from "../faults.ts";
import { interruptSignal } from "../interrupts.ts";
import { PIPE } from "../pipe.ts";
import { parseCount } from "../sizes.ts";
import { log, print, printJson } from "../terminal.ts";
import { orderClients } from "./order-clients.ts";
import { findRingInputs } from "./order-inputs.ts";
import { orderJob } from "./order-job.ts";
import type { OrderArguments } from "./order-arguments.ts";
import { CLIENTS_MAX, withTimeLimit } from "./run-parts.ts";

/** Returns what the process should end with. */
export async function runOrderCommand(argv: OrderArguments): Promise<number> {
  checkOptions(argv);
  const signal = withTimeLimit(interruptSignal(argv), argv.timeLimit);
  const count = parseCount("clients", argv.clients, { min: 1, max: CLIENTS_MAX });
  const inputs = await findRingInputs(argv, signal);
  try {
    const streams = findStreams(inputs.paths, argv);
    const clients = await orderClients(argv, { count, kind: "rebuild" }, signal);
    const job = orderJob(argv, streams, { signal, awaited: () => clients.awaited() });
    return tell(await orderRuns(job, clients), argv);
  } finally {
    inputs.close();
  }
}

function checkOptions(argv: OrderArguments): void {
  const { out, stagearea, split, force, resume } = argv;
  const places = [
    ["out", out],
    ["stagearea", stagearea],
    ["split", split],
  ].flatMap(([name, value]) => (value === undefined ? [] : [name!]));
  if (places.length === 0)
    throw fault("usage", {
      reason: "nothing says where the new files go: give -o OUT",
      command: "evb order",
    });
  if (places.length > 1) throw fault("options-exclude", { one: places[0]!, other: places[1]! });
  if (split !== undefined) checkSplit(argv);
  if (argv.index !== undefined && argv.input.includes(PIPE))
    throw fault("usage", {
      reason: "a pipe can't be read again, so an index of it is of no use: leave --index out",
      command: "evb order",
    });
  if (force && resume) throw fault("options-exclude", { one: "force", other: "resume" });
}

/** What isn't built has no window, and nothing that goes with one. */
function checkSplit({ window, policy, like, maxFragments, match }: OrderArguments): void {
  const asked = {
    window: window.length > 0,
    policy: policy !== undefined,
    like: like !== undefined,
    "max-fragments": maxFragments !== undefined,
    match: match !== "window",
  };
  for (const [other, is] of Object.entries(asked))
    if (is) throw fault("options-exclude", { one: "split", other });
}

/** A missing segment ends it, or with --salvage is a word. */
function findStreams(paths: readonly string[], { salvage, quiet }: OrderArguments): RingStream[] {
  return streamsOf(paths, (reason) => {
    if (!salvage) throw reason;
    if (!quiet) log(reason.message);
  });
}

function tell({ report, exitCode, problem }: OrderOutcome, argv: OrderArguments): number {
  const out = argv.out ?? argv.stagearea ?? argv.split ?? "";
  if (argv.json) printJson(report);
  else if (report.runs.length > 0) print(orderSummary(report, out));
  if (problem !== undefined) log(problem);
  return exitCode;
}
