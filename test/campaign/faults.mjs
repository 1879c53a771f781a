// What can happen to a run, and what of it happens to this one: a plan drawn from its seed.
import { LOSSES } from "./journal.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./one-run.mjs").OneRun} OneRun
 *
 * @typedef {import("./one-run.mjs").Replaced} Replaced
 *
 * @typedef {object} Fault
 * @property {string} kind
 * @property {number} [share] it strikes when so much of the run is committed, or…
 * @property {number} [soonMs] …so long after the fault before it, whatever that one did
 * @property {number} [ms] how long it lasts
 * @property {number} [pauseMs] until what was ended is started again
 * @property {boolean} [tears] the journal's last record, before the coordinator is back
 * @property {Random} random for choices that hang on what the run is doing
 * @property {string} [loss] what becomes of the last second of the journal
 * @property {Replaced} [replaced] the coordinator that another one went on for
 * @property {number} [host] that it struck; 0 is the coordinator's
 * @property {number} [pid] that it struck
 * @property {number} [atMs] when it struck; absent: it never did
 * @property {boolean} [hit]
 */

/** Clients are back after so long at most, and so is the coordinator. */
const PAUSE_MS_MAX = 1000;
/** Events that are committed when the last fault strikes: later ones would miss. */
const SHARE_MAX = 0.8;
const SOON_CHANCE = 0.3;
const SOON_MS_MAX = 400;

/**
 * Each kind: how often it is drawn, whom it strikes, how long it lasts (ms), and what is done. `until`
 * undoes it after fault.ms; `isThere`: a coordinator that has not come to speak yet isn't struck. Names
 * are those that the campaign prints.
 *
 * @type {Record<string, { weight: number, strikes: "client" | "coordinator", ms?: readonly [number, number],
 *   network?: true, isThere?: true, strike: (run: OneRun, fault: Fault) => unknown,
 *   until?: (run: OneRun, fault: Fault) => unknown }>}
 */
export const KINDS = {
  "kill client": {
    weight: 4,
    strikes: "client",
    strike: (run, { host }) => run.commandOn(host).send("SIGKILL"),
  },
  "stop client": {
    weight: 4,
    strikes: "client",
    ms: [300, 3000],
    strike: (run, { host }) => run.commandOn(host).send("SIGSTOP"),
    until: (run, { host }) => run.commandOn(host).send("SIGCONT"),
  },
  "end client": {
    weight: 2,
    strikes: "client",
    strike: (run, { host }) => run.commandOn(host).send("SIGTERM"),
  },
  "cut client": {
    weight: 3,
    strikes: "client",
    network: true,
    ms: [500, 4000],
    strike: (run, { host }) => run.network.cut(host),
    until: (run, { host }) => run.network.join(host),
  },
  "mute client": {
    weight: 2,
    strikes: "client",
    network: true,
    ms: [500, 4000],
    strike: (run, { host }) => run.network.filter(host, { hook: "output", policy: "drop" }),
    until: (run, { host }) => run.network.pass(host),
  },
  "deafen client": {
    weight: 2,
    strikes: "client",
    network: true,
    ms: [500, 4000],
    strike: (run, { host }) => run.network.filter(host, { hook: "input", policy: "drop" }),
    until: (run, { host }) => run.network.pass(host),
  },
  // Results are lost while lane and join live.
  "lose results": {
    weight: 3,
    strikes: "client",
    network: true,
    ms: [2000, 3000],
    strike: (run, { host }) => drop(run, host, ({ results }) => `tcp dport ${results}`),
    until: (run, { host }) => run.network.pass(host),
  },
  // Leases and acknowledgements are lost while results and join live.
  "lose lane": {
    weight: 2,
    strikes: "client",
    network: true,
    ms: [500, 3000],
    strike: (run, { host }) =>
      drop(run, host, ({ join, results }) => `tcp dport != { ${join}, ${results} }`),
    until: (run, { host }) => run.network.pass(host),
  },
  "reset client": {
    weight: 3,
    strikes: "client",
    network: true,
    ms: [20, 600],
    strike: (run, { host, random }) => reset(run, host, random),
    until: (run, { host }) => run.network.pass(host),
  },
  "stop coordinator": {
    weight: 2,
    strikes: "coordinator",
    ms: [300, 2500],
    strike: (run) => run.coordinator.send("SIGSTOP"),
    until: (run) => run.coordinator.send("SIGCONT"),
  },
  "kill coordinator": {
    weight: 4,
    strikes: "coordinator",
    strike: (run) => run.coordinator.send("SIGKILL"),
  },
  "end coordinator": {
    weight: 1,
    strikes: "coordinator",
    strike: (run) => run.coordinator.send("SIGTERM"),
  },
  "cut coordinator": {
    weight: 1,
    strikes: "coordinator",
    network: true,
    ms: [500, 3000],
    strike: (run) => run.network.cut(run.place),
    until: (run) => run.network.join(run.place),
  },
  // With the process goes what the disk had not got, and nobody is told that its connections are gone.
  "power off coordinator": {
    weight: 2,
    strikes: "coordinator",
    strike: async (run) => {
      await run.network?.cut(run.place);
      run.coordinator.send("SIGKILL");
    },
  },
  // Another one goes on elsewhere, and only then the first is back.
  "replace frozen coordinator": {
    weight: 1,
    strikes: "coordinator",
    isThere: true,
    network: true,
    ms: [0, 2000],
    strike: async (run, fault) => {
      run.coordinator.send("SIGSTOP");
      fault.replaced = await run.replaceCoordinator();
    },
    until: (run, { replaced }) => run.giveBack(replaced),
  },
  "replace cut-off coordinator": {
    weight: 1,
    strikes: "coordinator",
    isThere: true,
    network: true,
    ms: [0, 2000],
    strike: async (run, fault) => {
      fault.replaced = await run.replaceCoordinator();
    },
    until: (run, { replaced }) => run.giveBack(replaced),
  },
};

const drop = (run, host, ports) =>
  run.network.filter(host, { hook: "output", rules: [`${ports(run.ports())} drop`] });

/** Every connection of the client, or those of one socket. */
function reset(run, host, random) {
  const { join, results } = run.ports();
  const which = random.pick([
    "tcp dport > 0",
    `tcp dport ${results}`,
    `tcp dport != { ${join}, ${results} }`,
  ]);
  return run.network.filter(host, { hook: "output", rules: [`${which} reject with tcp reset`] });
}

/**
 * 2 to 5 faults, in the order in which they strike.
 *
 * @param {Random} random
 * @param {{ kinds: readonly string[], slowness: number }} order kinds: those that may be drawn; slowness: faults
 *   last longer, as the run does
 * @returns {Fault[]}
 */
export function planFaults(random, { kinds, slowness }) {
  const weights = Object.fromEntries(kinds.map((kind) => [kind, KINDS[kind].weight]));
  const shares = Array.from({ length: random.whole(2, 5) }, () => random.between(0, SHARE_MAX));
  return shares
    .sort((a, b) => a - b)
    .map((share, row) => {
      const kind = random.weighted(weights);
      const { ms } = KINDS[kind];
      const isSoon = row > 0 && random.chance(SOON_CHANCE);
      return {
        kind,
        ...(isSoon ? { soonMs: random.between(0, SOON_MS_MAX) } : { share }),
        ...(ms && { ms: random.between(...ms) * slowness }),
        pauseMs: random.between(0, PAUSE_MS_MAX),
        tears: kind === "kill coordinator" && random.chance(0.5),
        ...(kind === "power off coordinator" && { loss: random.pick(LOSSES) }),
        random: random.fork(),
      };
    });
}

/** For people: what, when, whom, how long, and whether it counts. @param {Fault} fault */
export function sayFault({ kind, share, soonMs, ms, tears, loss, host, hit }) {
  const when = soonMs === undefined ? `@${Math.round(100 * share)}%` : `+${Math.round(soonMs)}ms`;
  const whom = host === undefined || host === 0 ? "" : ` ${host}`;
  const long = ms === undefined ? "" : ` ${(ms / 1000).toFixed(1)}s`;
  const lost = tears ? " torn" : loss === undefined ? "" : ` (${loss})`;
  return `${kind}${whom} ${when}${long}${lost}${hit === false ? " (miss)" : ""}`;
}
