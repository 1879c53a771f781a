// What somebody could do wrong in one line, and the tests that must notice it.
//
// name: what is then wrong. file, line: a whole line of it, without its indentation, which must be
// there once; with `under` the first such line below that one. instead: what takes its place; it
// must compile. tests: normal tests, by path below test/; with `named` those of this name only, as
// Jest's --testNamePattern. The fastest that notice it are enough.
//
// A new one needs nothing else; try it with: node test/sabotage/run.mjs --only PATTERN
const EVENT = "packages/event/src";
const FORMATS = "packages/formats/src/hdf5";
const INDEX = "packages/index/src";
const COORDINATOR = "packages/runner/src/coordinator";
const CLIENT = "packages/runner/src/client";
const SINK = "packages/runner/src/sink";
const WIRE = "packages/runner/src/wire";

export const sabotages = [
  // Events
  {
    name: "stamps go through Number while they are matched",
    file: `${EVENT}/match.ts`,
    line: "const up = +(stamp <= time);",
    instead: "const up = +(Number(stamp) <= Number(time));",
    tests: ["event/match"],
  },
  {
    name: "stamps go through Number while sources are joined",
    file: `${EVENT}/union.ts`,
    line: "const x = a[i]!;",
    instead: "const x = BigInt(Number(a[i]!));",
    tests: ["event/match", "event/order"],
  },
  {
    name: "rows of equal stamps change places when they are ordered",
    file: `${EVENT}/order.ts`,
    line: "toStarts(count);",
    instead: "toStarts(count), from.reverse();",
    tests: ["event/order", "event/match"],
  },
  {
    name: "a row is passed over between two blocks of the matcher",
    file: `${EVENT}/match.ts`,
    line: "cursors[s] = rowA;",
    instead: "cursors[s] = Math.min(rowA + 1, endA);",
    tests: ["event/match"],
  },
  {
    name: "fragments of an event that is left out count as matched",
    file: `${EVENT}/match.ts`,
    line: "giveBack(block, at - stride);",
    instead: "void giveBack;",
    tests: ["event/match"],
  },
  {
    name: "a source's first row is taken for one of the source before it",
    file: `${EVENT}/match.ts`,
    line: "if (starts[middle]! <= fragment) low = middle;",
    instead: "if (starts[middle]! < fragment) low = middle;",
    tests: ["event/match"],
  },

  // Labels
  {
    name: "whole numbers beyond 2^53 in a selection are rounded",
    file: "packages/labels/src/selection.ts",
    line: "? BigInt(raw)",
    instead: "? BigInt(value)",
    tests: ["labels/selection"],
  },
  {
    name: "not selects what it should leave out",
    file: "packages/labels/src/selection.ts",
    line: `return node.operator === "-" ? (row) => minus(inner(row)) : (row) => inner(row) !== true;`,
    instead: `return node.operator === "-" ? (row) => minus(inner(row)) : inner;`,
    tests: ["labels/selection"],
  },

  // Files
  {
    name: "a read that failed hands out what the last one left in memory",
    file: `${FORMATS}/data-set.ts`,
    line: "if (result < 0) throw this.#readFailed(row, rows, reason);",
    instead: "if (result < -1) throw this.#readFailed(row, rows, reason);",
    tests: ["formats/traps"],
  },
  {
    name: "the row behind those that are kept in memory is taken for one of them",
    file: `${FORMATS}/data-set.ts`,
    line: "if (kept !== undefined && row >= kept.row && row < kept.row + kept.rows)",
    instead: "if (kept !== undefined && row >= kept.row && row <= kept.row + kept.rows)",
    tests: ["formats/rows"],
  },
  {
    name: "what the library prints of a failure is not looked at",
    file: `${FORMATS}/library.ts`,
    line: "return { result, reason: lastWords(printed.text) };",
    instead: `return { result, reason: lastWords("") };`,
    tests: ["formats/write"],
  },

  // Index
  {
    name: "an index gives rows that are off by one",
    file: `${INDEX}/run-index.ts`,
    line: "row[i] = fragment[i]! - this.#starts[s]!;",
    instead: "row[i] = fragment[i]! - this.#starts[s]! + 1;",
    tests: ["index/run-index"],
  },
  {
    name: "a slab of an index counts its fragments from the file's beginning",
    file: `${INDEX}/run-index.ts`,
    line: "return { first, time, start: absolute.map((start) => start - begin), source, row };",
    instead: "return { first, time, start: absolute, source, row };",
    tests: ["index/run-index"],
  },
  {
    name: "sources that remain beside one that is left out keep their old number",
    file: `${INDEX}/some-sources.ts`,
    line: "source[kept] = s;",
    instead: "source[kept] = slab.source[f]!;",
    tests: ["index/run-index"],
  },
  {
    name: "an input whose content changed is taken for fresh",
    file: `${INDEX}/run-index.ts`,
    line: "if (now.ends !== file.ends)",
    instead: "if (now.ends.length !== file.ends.length)",
    tests: ["index/freshness"],
  },
  {
    name: "file10 comes before file2",
    file: `${INDEX}/inputs.ts`,
    line: `const collator = new Intl.Collator("en", { numeric: true });`,
    instead: `const collator = new Intl.Collator("en", { numeric: false });`,
    tests: ["index/inputs"],
  },

  // Analysis
  {
    name: "totals of integers are summed as doubles",
    file: "packages/analysis/src/totals.ts",
    line: "if (Math.abs(sum.small) <= SAFE) return;",
    instead: "return;",
    tests: ["analysis/totals"],
  },
  {
    name: "a total that doesn't fit its type is written all the same",
    file: "packages/analysis/src/totals.ts",
    line: "if (value < low || value > high)",
    instead: "if (value < low && value > high)",
    tests: ["analysis/totals"],
  },

  // Schedule
  {
    name: "results of an event that is done are committed again",
    file: `${COORDINATOR}/schedule.ts`,
    line: "for (const part of this.#done.add(range)) fresh.push(part);",
    instead: "if (this.#done.add(range)) fresh.push(range);",
    tests: ["runner/schedule"],
  },
  {
    name: "an epoch is counted again",
    file: `${COORDINATOR}/schedule.ts`,
    line: "if (own && !parts.some((part) => this.#counted.touches(part))) {",
    instead: "if (own) {",
    tests: ["runner/schedule"],
  },
  {
    name: "an epoch with another client's events is accepted",
    file: `${COORDINATOR}/schedule.ts`,
    line: "const own = lengthOf(parts) === lengthOf(ranges);",
    instead: "const own = lengthOf(parts) <= lengthOf(ranges);",
    tests: ["runner/schedule"],
  },
  {
    name: "credits are never returned",
    file: `${COORDINATOR}/schedule.ts`,
    line: "if (lease.left === 0) client.leases.delete(range.lease);",
    instead: "if (lease.left < 0) client.leases.delete(range.lease);",
    tests: ["runner/leases"],
  },
  {
    name: "events of a refused epoch are not done again",
    file: `${COORDINATOR}/schedule.ts`,
    line: "this.#giveBack(parts, { again: true });",
    instead: "this.#giveBack([], { again: true });",
    tests: ["runner/schedule"],
  },
  {
    name: "leases of a lost client are not leased again",
    file: `${COORDINATOR}/schedule.ts`,
    line: "this.#giveBack(client.ahead.ranges, how);",
    instead: "this.#giveBack([], how);",
    tests: ["runner/schedule"],
  },
  {
    name: "events whose totals went with their client are not counted again",
    file: `${COORDINATOR}/schedule.ts`,
    line: "this.#giveBack(client.uncounted.ranges, how);",
    instead: "this.#giveBack([], how);",
    tests: ["runner/schedule"],
  },
  {
    name: "the run ends when all is done, though not all is counted",
    file: `${COORDINATOR}/schedule.ts`,
    line: "if (this.#finished || !this.#started || this.#counted.count < this.#events) return [];",
    instead: "if (this.#finished || !this.#started || this.#done.count < this.#events) return [];",
    tests: ["runner/schedule"],
  },
  {
    name: "an event whose result came late is leased again nevertheless",
    file: `${COORDINATOR}/schedule.ts`,
    line: "if (!this.#waiting.touches(range)) return;",
    instead: "if (this.#waiting.touches(range)) return;",
    tests: ["runner/schedule"],
  },
  {
    name: "a set of ranges takes a neighbour for one of its own",
    file: `${COORDINATOR}/range-set.ts`,
    line: "const i = this.#firstEndingAtOrAfter(first + 1);",
    instead: "const i = this.#firstEndingAtOrAfter(first);",
    tests: ["runner/range-set"],
  },

  // Coordinator
  {
    name: "results are acknowledged before the journal has them",
    file: `${COORDINATOR}/mailroom.ts`,
    line: "this.#journal.flush();",
    instead: "setImmediate(() => this.#journal.flush());",
    tests: ["runner/run"],
    named: "has every message",
  },
  {
    name: "an acknowledgement says what came, not what is journalled",
    file: `${COORDINATOR}/mailroom.ts`,
    line: "return { sid: peer.rank, session: this.#session, seq: ++peer.sent, ack: peer.journalled };",
    instead:
      "return { sid: peer.rank, session: this.#session, seq: ++peer.sent, ack: peer.received };",
    tests: ["runner/run"],
    named: "that can't be written",
  },
  {
    name: "a sid is used again",
    file: `${COORDINATOR}/admission.ts`,
    line: "const sid = ++this.#sids;",
    instead: "const sid = this.peers.find((peer) => peer.lost)?.rank ?? ++this.#sids;",
    tests: ["runner/coordinator"],
  },
  {
    name: "a gap is taken for nothing",
    file: `${COORDINATOR}/coordinator.ts`,
    line: "if (header.seq > peer.received + 1) {",
    instead: "if (header.seq > peer.received + 1000) {",
    tests: ["runner/coordinator"],
  },
  {
    name: "a gap is never asked for",
    file: `${COORDINATOR}/mailroom.ts`,
    line: `this.say(peer, "resend");`,
    instead: `void "resend";`,
    tests: ["runner/coordinator"],
  },
  {
    name: "a message that is repeated is taken again",
    file: `${COORDINATOR}/coordinator.ts`,
    line: "if (header.seq <= peer.received) {",
    instead: "if (header.seq < 0) {",
    tests: ["runner/coordinator"],
  },
  {
    name: "totals of a refused epoch are added",
    file: `${COORDINATOR}/coordinator.ts`,
    line: `if (this.#accepts({ kind: "epoch", rank: peer.rank, ranges }))`,
    instead: `if (this.#accepts({ kind: "epoch", rank: peer.rank, ranges }) || ranges.length > 0)`,
    tests: ["runner/run"],
    named: "taken for lost",
  },
  {
    name: "a frame of another session is taken",
    file: `${COORDINATOR}/coordinator.ts`,
    line: "if (header.session !== this.#session || peer === undefined) {",
    instead: "if (peer === undefined) {",
    tests: ["runner/coordinator"],
  },
  {
    name: "a hello of another client is taken",
    file: `${COORDINATOR}/coordinator.ts`,
    line: "if (nonce !== peer.join.nonce || second === undefined) {",
    instead: "if (nonce === undefined || second === undefined) {",
    tests: ["runner/coordinator"],
  },
  {
    name: "an event failed by a copy that doesn't count is said to have failed",
    file: `${COORDINATOR}/coordinator.ts`,
    line: "if (!committed.touches({ first: failure.event, end: failure.event + 1 })) continue;",
    instead: "void committed;",
    tests: ["runner/coordinator"],
  },
  {
    name: "a run that is stopped goes on handing out leases",
    file: `${COORDINATOR}/schedule.ts`,
    line: "this.#started = false;",
    instead: "this.#started &&= true;",
    tests: ["runner/leases"],
  },
  {
    name: "results of events that are not in this run are taken",
    file: `${COORDINATOR}/intake.ts`,
    line: "if (range.first < first || range.end > end || range.first >= range.end)",
    instead: "if (range.first < first && range.end > end && range.first >= range.end)",
    tests: ["runner/coordinator"],
  },
  {
    name: "results with another number of fragments are taken",
    file: `${COORDINATOR}/intake.ts`,
    line: "if (fragments !== undefined && fragments !== this.#table.fragmentsOf(range))",
    instead: "if (fragments !== undefined && fragments < 0)",
    tests: ["runner/coordinator"],
  },
  {
    name: "a client that returns other columns is let in",
    file: `${COORDINATOR}/intake.ts`,
    line: "} else if (Buffer.compare(bytes, this.#agreed.bytes) !== 0) {",
    instead: "} else if (bytes.byteLength === 0) {",
    tests: ["runner/coordinator"],
  },

  // Client
  {
    name: "results are forgotten before they are acknowledged",
    file: `${CLIENT}/outbox.ts`,
    line: "while (this.#kept[0] !== undefined && this.#kept[0].seq <= ack)",
    instead: "while (this.#kept[0] !== undefined && this.#kept[0].seq <= ack + 1)",
    tests: ["runner/run"],
    named: "asks for a gap again",
  },
  {
    name: "what is sent again lacks its first message",
    file: `${CLIENT}/outbox.ts`,
    line: "return this.#kept.filter(({ seq }) => seq > ack).map(({ frames }) => frames);",
    instead: "return this.#kept.filter(({ seq }) => seq > ack + 1).map(({ frames }) => frames);",
    tests: ["runner/run"],
    named: "asks for a gap again",
  },
  {
    name: "a client that joins anew goes on with its old sequence numbers",
    file: `${CLIENT}/outbox.ts`,
    line: "this.#last = this.#kept.length;",
    instead: "this.#last += this.#kept.length;",
    tests: ["runner/run"],
    named: "taken for lost",
  },
  {
    name: "what an event that failed had added stays in the totals",
    file: `${CLIENT}/workbench.ts`,
    line: "this.#staged.forget();",
    instead: "this.#staged.commit(this.#totals);",
    tests: ["cli/run-modules"],
    named: "that throws fails that event",
  },
  {
    name: "the totals of an epoch are in the next one, too",
    file: `${CLIENT}/workbench.ts`,
    line: "this.#totals = new Totals(this.schema.totals);",
    instead: "void this.schema.totals;",
    tests: ["runner/run"],
    named: "finds every event|takes one event",
  },
  {
    name: "the fragments of an event are read over each other",
    file: `${CLIENT}/sources.ts`,
    line: "const offset = end;",
    instead: "const offset = 0;",
    tests: ["runner/answers"],
  },
  {
    name: "a client doesn't look whether a file changed since it was indexed",
    file: `${CLIENT}/sources.ts`,
    line: "checkFile(this.#welcome.indexPath, path, { ...known, mtimeNs: 0n });",
    instead: "void checkFile;",
    tests: ["cli/client"],
    named: "whose data changed",
  },
  {
    name: "whole numbers above 2^32 lose their upper half",
    file: `${CLIENT}/result-builder.ts`,
    line: "this.#words[at + 1] = Math.floor(value / 2 ** 32);",
    instead: "this.#words[at + 1] = value < 0 ? -1 : 0;",
    tests: ["runner/answers"],
  },

  // Journal and results
  {
    name: "a torn record is not cut",
    file: `${SINK}/journal.ts`,
    line: "if (offset + HEAD_BYTES + bytes! > this.#size) return;",
    instead: "if (offset + HEAD_BYTES > this.#size) return;",
    tests: ["runner/journal"],
  },
  {
    name: "a record's checksum is not looked at",
    file: `${SINK}/journal.ts`,
    line: "if (crc32(bytes) !== head[3])",
    instead: "if (crc32(bytes) === undefined)",
    tests: ["runner/journal"],
  },
  {
    name: "of two results of one event the last counts",
    file: `${SINK}/slab.ts`,
    line: "if (slab.placed[at] === 0) {",
    instead: "if (slab.placed[at] !== 2) {",
    tests: ["runner/results"],
  },
  {
    name: "fragments of events that are not done shift those behind them",
    file: `${SINK}/slab.ts`,
    line: "fragment += table.fragmentsOf({ first: event, end: event + 1 });",
    instead: "fragment += +(table.fragmentsOf({ first: event, end: event + 1 }) > 0);",
    tests: ["runner/answers"],
  },
  {
    name: "an event without a result is written as zeros",
    file: `${SINK}/results.ts`,
    line: "this.#checkPlaced(slab);",
    instead: "void slab.placed;",
    tests: ["runner/results"],
  },
  {
    name: "results of type u8 go through Number",
    file: `${SINK}/slots.ts`,
    line: `else if (to === "u8") (cells as BigUint64Array)[row] = slots.big[slot]!;`,
    instead: `else if (to === "u8") (cells as BigUint64Array)[row] = BigInt(Number(slots.big[slot]!));`,
    tests: ["runner/answers"],
  },
  {
    name: "what a source lacks is 0, also where it holds floats",
    file: `${SINK}/results.ts`,
    line: "fillMissing(to, cells);",
    instead: "void fillMissing;",
    tests: ["runner/answers"],
  },
  {
    name: "the digest leaves the last row out",
    file: `${SINK}/digest.ts`,
    line: "const count = Math.min(rows, dataSet.length - row);",
    instead: "const count = Math.min(rows, dataSet.length - row - 1);",
    tests: ["runner/answers"],
  },

  // Wire
  {
    name: "a frame that is longer than it says is taken",
    file: `${WIRE}/columns.ts`,
    line: "if (this.#offset !== this.#bytes.byteLength)",
    instead: "if (this.#offset > this.#bytes.byteLength)",
    tests: ["runner/wire"],
  },
  {
    name: "a lease of a source that isn't there is taken",
    file: `${WIRE}/lease-message.ts`,
    line: `if (source.some((each) => each >= sourceCount)) throw bad("it names a source that isn't there");`,
    instead: `if (source.some((each) => each > sourceCount)) throw bad("it names a source that isn't there");`,
    tests: ["runner/wire"],
  },
  {
    name: "a frame of another protocol is taken",
    file: `${WIRE}/header.ts`,
    line: "if (view.getUint8(1) !== PROTOCOL_VERSION)",
    instead: "if (view.getUint8(1) > 254)",
    tests: ["runner/wire"],
  },
  {
    name: "the gatekeeper lets every key in",
    file: `${WIRE}/gatekeeper.ts`,
    line: "this.#allowed.has(z85(key));",
    instead: "(this.#allowed.has(z85(key)) || key.length === 32);",
    tests: ["runner/link"],
    named: "strangers",
  },
  {
    name: "a connection file that others can read is taken",
    file: `${WIRE}/connection-file.ts`,
    line: "if ((stats.mode & 0o077) !== 0)",
    instead: "if ((stats.mode & 0o002) !== 0)",
    tests: ["runner/connection"],
  },
  {
    name: "the connection file, which holds a secret key, is written for all to read",
    file: `${WIRE}/connection-file.ts`,
    line: `writeFileSync(partial, \`\${JSON.stringify(text, null, 2)}\\n\`, { flag: "wx", mode: 0o600 });`,
    instead: `writeFileSync(partial, \`\${JSON.stringify(text, null, 2)}\\n\`, { flag: "wx", mode: 0o644 });`,
    tests: ["runner/connection"],
  },

  // Commands
  {
    name: "a run that is stopped ends with 1",
    file: "packages/runner/src/run.ts",
    line: "if (ended !== undefined) return { exitCode: ended.exitCode, problem: ended.message };",
    instead: "if (ended !== undefined) return { exitCode: 1, problem: ended.message };",
    tests: ["runner/run"],
    named: "that is stopped",
  },
  {
    name: "a run with failed events ends with 0",
    file: "packages/runner/src/run.ts",
    line: "exitCode: 1,",
    instead: "exitCode: 0,",
    tests: ["cli/run-modules"],
    named: "that throws fails that event",
  },
  {
    name: "every failure ends with 1",
    file: "packages/cli/src/mod.ts",
    line: "return thrown.exitCode;",
    instead: "return Math.min(1, thrown.exitCode);",
    tests: ["cli/options"],
  },
  {
    name: "a second interrupt is not heard",
    file: "packages/cli/src/interrupts.ts",
    line: "if (controller.signal.aborted) process.exit(EXIT_AT_ONCE);",
    instead: "if (controller.signal.aborted) return;",
    tests: ["cli/run"],
    named: "twice ends at once",
  },
];
