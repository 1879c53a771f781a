import { faults } from "@evb/event";

/** What was waited for may be what was left of something. */
const inSeconds = (seconds: number): string => `${String(Math.round(100 * seconds) / 100)} s`;

const resume = "the same command with --resume goes on";

export const fault = faults({
  // wire
  "frame-bad": [
    1,
    (at: { what: string; reason: string }) =>
      `a ${at.what} can't be understood: ${at.reason}; both sides must run the same evb`,
  ],
  "port-taken": [
    1,
    (at: { endpoint: string; reason: string }) =>
      `the coordinator can't listen on ${at.endpoint}: ${at.reason}; choose another with --listen or --ports`,
  ],
  "ports-too-few": [
    2,
    (at: { ports: string; clients: number; needed: number }) =>
      `--ports ${at.ports} is too narrow: ${String(at.clients)} clients take ${String(at.needed)} ports, one each and one or two to join by; give a wider range`,
  ],
  "ports-used-up": [
    1,
    (at: { ports: string; clients: number }) =>
      `all ports of --ports ${at.ports} are taken (${String(at.clients)} clients have joined; it takes one a client and two more); give a wider range`,
  ],
  "descriptors-too-few": [
    2,
    (at: { clients: number; needed: number; max: number }) =>
      `${String(at.clients)} clients need some ${String(at.needed)} file descriptors, and this host allows ${String(at.max)}; raise \`ulimit -n\` to ${String(at.needed)}, or start fewer clients`,
  ],
  "descriptors-used-up": [
    1,
    (at: { clients: number; max: number }) =>
      `no client can join any more: ${String(at.clients)} have, and the coordinator's host allows ${String(at.max)} file descriptors; raise \`ulimit -n\` there and go on with --resume, or do with those`,
  ],
  "sockets-too-few": [
    2,
    (at: { clients: number; max: number }) =>
      `${String(at.clients)} clients are more than a coordinator can have sockets for; start ${String(at.max)} at most`,
  ],
  "host-ports-too-few": [
    2,
    (at: { clients: number; needed: number; range: string }) =>
      `${String(at.clients)} clients take ${String(at.needed)} ports, and this host gives out ${at.range}; widen net.ipv4.ip_local_port_range, give --ports, or start fewer clients`,
  ],
  "connection-missing": [
    3,
    (at: { path: string; seconds: number }) =>
      `there is no connection file ${at.path} after ${inSeconds(at.seconds)}; start the coordinator, or wait longer with --wait`,
  ],
  "connection-bad": [
    3,
    (at: { what: string; path: string; reason: string }) =>
      `the ${at.what} ${at.path} can't be used: ${at.reason}; take the one that the coordinator wrote`,
  ],
  "connection-unsafe": [
    3,
    (at: { what: string; path: string; reason: string }) =>
      `the ${at.what} ${at.path} is refused: ${at.reason}; it holds keys and must be yours with mode 0600`,
  ],
  "coordinator-unreachable": [
    3,
    (at: { endpoints: readonly string[]; seconds: number }) =>
      `no coordinator answers at ${at.endpoints.join(" or ")} after ${inSeconds(at.seconds)}; check that it runs and that a firewall lets its ports through`,
  ],
  "coordinator-refuses": [
    3,
    (at: { endpoint: string }) =>
      `the coordinator at ${at.endpoint} refuses this client's key; take the connection file of the run that is on`,
  ],
  "coordinator-lost": [
    1,
    (at: { seconds: number }) =>
      `the coordinator has not been heard of for ${inSeconds(at.seconds)}, so this client ends; its unacknowledged events are leased again`,
  ],
  // coordinator
  "run-is-on": [
    2,
    (at: { path: string; sign: string }) =>
      `${at.path} is of a run that is on (${at.sign}); wait for its end, or give another -o or --connection`,
  ],
  "out-exists": [
    2,
    (at: { out: string }) =>
      `${at.out} exists already; choose another name, --resume to go on with the run in it, or --force to start anew in its place`,
  ],
  "out-foreign": [
    2,
    (at: { out: string; found: string }) =>
      `${at.out} holds ${at.found}, which evb didn't write, so --force won't remove it; choose another name`,
  ],
  "out-unwritable": [
    1,
    (at: { out: string; reason: string }) =>
      `${at.out} can't be written: ${at.reason}; check that its folder is there, writable, and has room`,
  ],
  "events-range": [
    2,
    (at: { text: string; events: number }) =>
      `--events ${at.text} is no range of this index's ${String(at.events)} events; write for example --events 0:${String(Math.min(100, at.events))}`,
  ],
  "no-client": [
    1,
    (at: { seconds: number; done: number; events: number }) =>
      `no client for ${inSeconds(at.seconds)}, after ${String(at.done)} of ${String(at.events)} events; ${resume}`,
  ],
  "clients-failed": [
    1,
    (at: { clients: number }) =>
      `all ${String(at.clients)} clients ended before the end of the run; ${resume}; what they said is above`,
  ],
  "clients-refused": [
    2,
    (at: { clients: number }) =>
      `none of ${String(at.clients)} clients could begin; what they said is above`,
  ],
  "clients-blind": [
    3,
    (at: { clients: number }) =>
      `none of ${String(at.clients)} clients could read what it needs; what they said is above`,
  ],
  stopped: [
    4,
    (at: { done: number; events: number; out: string }) =>
      `stopped after ${String(at.done)} of ${String(at.events)} events; the same command with --resume goes on from ${at.out}`,
  ],
  "schema-differs": [
    1,
    (at: { rank: number; host: string }) =>
      `client ${String(at.rank)} on ${at.host} returns other columns than the first client; all clients must run the same analysis`,
  ],
  "journal-failed": [
    1,
    (at: { path: string; reason: string }) =>
      `the journal ${at.path} can't be written: ${at.reason}; make room, and the same command with --resume goes on from its last whole record`,
  ],
  "journal-damaged": [
    1,
    (at: { path: string; offset: number; reason: string }) =>
      `the journal ${at.path} is damaged at byte ${String(at.offset)}: ${at.reason}`,
  ],
  "data-changed": [
    1,
    (at: { host: string; path: string }) =>
      `${at.path} changed while the run was on (seen on ${at.host}), so its results would mix old and new numbers; index it again and start anew`,
  ],
  "run-taken-over": [
    1,
    (at: { out: string }) =>
      `another coordinator has gone on with the run in ${at.out}, so this one ends; nothing that it wrote since counts`,
  ],
  "resume-nothing": [
    2,
    (at: { out: string }) =>
      `${at.out} has no journal to go on from; --force starts anew in its place`,
  ],
  "resume-differs": [
    2,
    (at: { out: string; what: string; before: string; now: string }) =>
      `${at.out} can't be resumed with ${at.what} ${at.now}: the run began with ${at.before}; give the same options, or --force to start anew`,
  ],
  "event-deadly": [1, () => "it ended three client processes, and is left out"],
  "event-failed": [
    1,
    (at: { event: number; reason: string }) => `event ${String(at.event)} failed: ${at.reason}`,
  ],
  "chunk-too-large": [
    2,
    (at: { source: string; bytes: number; rowBytes: number; max: number }) =>
      `a chunk of ${at.source} would have ${String(at.bytes)} bytes, and at most ${String(at.max)} are put together; a row has ${String(at.rowBytes)}: give a smaller --events-per-chunk`,
  ],
  "extract-exists": [
    2,
    (at: { out: string }) =>
      `${at.out} exists already; choose another name, or --force to write it anew`,
  ],
  "extract-foreign": [
    2,
    (at: { out: string }) =>
      `${at.out} is no extract of evb's, so --force won't replace it; choose another name`,
  ],
  "extract-is-input": [
    2,
    (at: { out: string; input: string }) =>
      `${at.out} is ${at.input}, which is read; choose another name`,
  ],
  "extract-no-event": [
    1,
    (at: { index: string }) => `${at.index} has no event, so there is nothing to extract`,
  ],
  "extract-no-rows": [
    2,
    (at: { index: string; layout: string }) =>
      `${at.index} is of a run of layout ${at.layout}, whose fragments are no rows of one length; \`evb order\` writes such runs`,
  ],
  "extract-varies": [
    2,
    (at: { index: string; sources: readonly string[] }) =>
      `in ${at.index}, rows of ${at.sources.slice(0, 12).join(", ")}${at.sources.length > 12 ? ", …" : ""} have lengths of their own, and those of an extract have one; choose other sources with --sources`,
  ],
  "extract-stopped": [
    4,
    (at: { done: number; parts: number }) =>
      `stopped after ${String(at.done)} of ${String(at.parts)} parts of the output; the same command with --resume goes on`,
  ],
  "extract-miscounts": [
    1,
    (at: { rows: number; wanted: number }) =>
      `what was written has ${String(at.rows)} rows of sources, and should have ${String(at.wanted)}; the file was not given its name: please report it`,
  ],
  "rows-failed": [
    1,
    (at: { failed: number; event: number; reason: string; out: string }) =>
      `event ${String(at.event)}${at.failed === 1 ? "" : ` (and ${String(at.failed - 1)} more rows)`} can't be read whole: ${at.reason}; ${at.out} has the rest, and status 1 for it`,
  ],
  "part-lost": [
    1,
    (at: { path: string; part: number; reason: string }) =>
      `${at.path} doesn't have part ${String(at.part)} of the output as it was told: ${at.reason}; --force starts anew`,
  ],
  "part-failed": [
    1,
    (at: { event: number; reason: string }) =>
      `part ${String(at.event)} of the output can't be written: ${at.reason}`,
  ],
  "setup-failed": [
    2,
    (at: { path: string; reason: string }) =>
      `setup() of the analysis ${at.path} failed: ${at.reason}`,
  ],
  "analysis-result": [
    1,
    (at: { what: string; reason: string }) => `the analysis returned ${at.what}, but ${at.reason}`,
  ],
  // client
  "client-refused": [
    1,
    (at: { endpoint: string; reason: string }) =>
      `the coordinator at ${at.endpoint} takes nothing more of this client: ${at.reason}`,
  ],
  "analysis-unwanted": [
    2,
    (at: { analysis: string; wanted: string }) =>
      `the coordinator wants the analysis ${at.analysis}, and this client was started for ${at.wanted} only; start it with the same --analysis`,
  ],
  "analysis-not-found": [
    2,
    (at: { analysis: string; builtIn: readonly string[] }) =>
      `there is no analysis ${at.analysis}: it is neither a file nor one of ${at.builtIn.join(", ")}; check the path`,
  ],
  "analysis-differs": [
    3,
    (at: { path: string; host: string; reason: string }) =>
      `the analysis ${at.path} on ${at.host} ${at.reason}; put the coordinator's file there, on a file system that all hosts see`,
  ],
  "analysis-not-loaded": [
    2,
    (at: { path: string; reason: string }) =>
      `the analysis ${at.path} can't be loaded: ${at.reason}`,
  ],
  "checksum-failed": [
    1,
    (at: { reason: string }) =>
      `the checksum can't be computed: ${at.reason}; --resume tries again, and --checksum none leaves it out`,
  ],
  "output-no-space": [
    1,
    (at: { folder: string; needed: number; free: number }) =>
      `${at.folder} has ${String(at.free)} bytes free, and the run takes ${String(at.needed)}; make room, or choose another folder`,
  ],
  "source-unreadable": [
    3,
    (at: { host: string; source: string; reason: string }) =>
      `${at.host} can't read ${at.source}: ${at.reason}`,
  ],
  "rebuild-miscounts": [
    1,
    (at: {
      fragmentsOut: number;
      fragments: number;
      eventsOut: number;
      events: number;
      backwardStepsOut: number;
    }) =>
      `what was written has ${String(at.fragmentsOut)} fragments in ${String(at.eventsOut)} events and ${String(at.backwardStepsOut)} backward steps, and should have ${String(at.fragments)} in ${String(at.events)} and none; the files were not given their names: please report it`,
  ],
  "fragment-no-item": [
    1,
    (at: { source: number; stamp: bigint }) =>
      `the fragment of source ${String(at.source)} with time stamp ${String(at.stamp)} holds bytes that are no ring item, and can't stand in a file on its own; give -o in place of --split, which keeps it in its event`,
  ],
  "split-nothing": [
    1,
    (at: { run: number }) =>
      `run ${String(at.run)} has no item of any source, so there is nothing to split; check the input`,
  ],
  "output-foreign": [
    2,
    (at: { path: string }) =>
      `${at.path} is there already, and isn't of this run; move it away, or choose another folder`,
  ],
  "output-lost": [
    1,
    (at: { path: string }) =>
      `${at.path} is gone, and parts of the run were in it; --force starts anew`,
  ],
  "outputs-too-many": [
    2,
    (at: { files: number; max: number }) =>
      `the output has ${String(at.files)} files, and at most ${String(at.max)} are written; give a larger --segment-size`,
  ],
  "event-too-large": [
    1,
    (at: { run: number; bytes: number; stamp: string }) =>
      `an event of run ${String(at.run)} at ${at.stamp} ticks has ${String(at.bytes)} bytes, and a ring item can't have 2^32; give a smaller --window, or --max-fragments`,
  ],
  "run-number-late": [
    1,
    (at: { path: string; found: number; first: number }) =>
      `${at.path} is of run ${String(at.found)}, and was taken for run ${String(at.first)} by its beginning or its name; order it alone, or say --run ${String(at.found)}`,
  ],
  "order-stopped": [
    4,
    (at: { done: number; parts: number }) =>
      `stopped after ${String(at.done)} of ${String(at.parts)} parts of the output; the same command with --resume goes on`,
  ],
  "output-is-input": [
    2,
    (at: { out: string; input: string }) =>
      `${at.out} holds the input ${at.input}, so nothing is written there; choose another folder`,
  ],
  "report-damaged": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be read: ${at.reason}; choose another folder, or --force to start anew`,
  ],
  "client-writes-nothing": [
    2,
    () =>
      "the coordinator wants files to be written, and this client may write none; start it with --out and the folder that they go to",
  ],
  "input-lost": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be read any more: ${at.reason}; the run can go on with --resume when it can`,
  ],
  "output-failed": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be written: ${at.reason}; make room or check the folder, then --resume goes on`,
  ],
  "fragment-failed": [
    1,
    (at: { source: string; row: number; reason: string }) =>
      `row ${String(at.row)} of ${at.source}: ${at.reason}`,
  ],
  // measure
  "bench-folder": [
    2,
    (at: { path: string }) =>
      `${at.path} is a folder, and only files can be measured; name an index of it, or some of its files`,
  ],
  "bench-one-index": [
    2,
    (at: { path: string }) =>
      `${at.path} is an index, which stands for its own files; give it alone, or data files only`,
  ],
  "bench-unreadable": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be measured: ${at.reason}; check its path and permissions, or name another file`,
  ],
  "reader-failed": [
    1,
    (at: { reason: string }) =>
      `a process that was to read can't go on: ${at.reason}; check the files, and give the command again`,
  ],
});
