import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { asLeaseId } from "@evb/event";
import { RunIndex } from "@evb/index";
import {
  analysisOrder,
  Client,
  decodeJoin,
  encodeLeases,
  encodeWelcome,
  newFrame,
  openMessage,
  seal,
  type ClientLink,
  type ClientOrder,
  type Header,
  type Welcome,
} from "@evb/runner";
import { until } from "../support/run-links.ts";
import { clientOrder, smallRun, type SmallRun } from "../support/run-small.ts";

let folder: string;
let run: SmallRun;
let index: RunIndex;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-client-"));
  run = await smallRun(folder);
  index = await RunIndex.open(run.indexPath);
});
afterAll(() => {
  index.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A numbered message: its kind, and the events of its ranges. */
interface Said extends Header {
  readonly events: readonly number[];
}

/** The coordinator of one client, which says what it is told to. */
class Master implements ClientLink {
  readonly #nonce: Promise<string>;
  #joined: (nonce: string) => void = () => undefined;
  #events: Parameters<ClientLink["listen"]>[0] | undefined;
  #sid = 0;
  #frames = 0;
  #leases = 0;
  /** Bytes that it has been told, and not acknowledged. */
  held = 0;
  readonly said: Said[] = [];
  onResult = (): void => undefined;

  constructor() {
    this.#nonce = new Promise((resolve) => {
      this.#joined = resolve;
    });
  }

  listen(events: Parameters<ClientLink["listen"]>[0]): void {
    this.#events = events;
    setImmediate(() => {
      events.heard();
    });
  }

  join(request: Uint8Array<ArrayBuffer>): void {
    this.#joined(decodeJoin(request).nonce);
  }

  connectLane(): void {
    this.#frames = 0;
  }

  publish(frames: readonly Uint8Array<ArrayBuffer>[]): void {
    const header = openMessage(frames);
    if (header.kind === "hello" || header.kind === "beat") return;
    const view = new DataView(frames[0]!.buffer, 24);
    const events: number[] = [];
    // Of a RESULT (lease, first, events, fragments), an EPOCH (first, events), a REVOKED (lease, first, events), u32 each.
    const layouts: Partial<Record<Header["kind"], [width: number, at: number]>> = {
      result: [16, 4],
      epoch: [8, 0],
      revoked: [12, 4],
    };
    const [width, at] = layouts[header.kind] ?? [0, 0];
    if (width > 0)
      for (let range = 0; range < header.n; range++) {
        const first = view.getUint32(width * range + at, true);
        const count = view.getUint32(width * range + at + 4, true);
        for (let event = first; event < first + count; event++) events.push(event);
      }
    this.said.push({ ...header, events });
    this.held += frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (header.kind === "result") this.onResult();
  }

  close(): void {
    this.#events = undefined;
  }

  /** Lets it in as another connection. */
  async welcome(analysis: Welcome["analysis"], eventTimeoutMs = 0): Promise<void> {
    const nonce = await this.#nonce;
    const { files, sources, root, path } = index;
    const order = { analysis, root, indexPath: path, beatMs: 100, eventTimeoutMs };
    const here = { nonce, session: 7, sid: ++this.#sid, rank: 1, lanePort: this.#sid };
    this.#events!.welcome(encodeWelcome({ ...here, ...order, files, sources }));
  }

  /** Lets it in, and waits until it can work. */
  async begin(analysis: Welcome["analysis"], eventTimeoutMs = 0): Promise<void> {
    await this.welcome(analysis, eventTimeoutMs);
    await this.settled();
  }

  settled(): Promise<void> {
    return until(() => this.now.some(({ kind }) => kind === "settled"), "that it is settled");
  }

  lease(kind: "lease" | "double", first: number, end: number): void {
    const { time, source, row, start } = index.slab(first, end - first);
    const fragmentCount = Uint16Array.from(time, (_, k) => start[k + 1]! - start[k]!);
    const id = asLeaseId(++this.#leases);
    this.#send(
      encodeLeases({ ...this.#head(), kind }, [{ id, first, time, fragmentCount, source, row }]),
    );
  }

  revoke(): void {
    this.#send(newFrame({ ...this.#head(), kind: "revoke", n: 0 }, 0).frame);
  }

  /** All that it has been told is safe. */
  acknowledge(): void {
    const ack = this.said.at(-1)!.seq;
    this.held = 0;
    this.#send(newFrame({ ...this.#head(), ack, kind: "beat", n: 0 }, 0).frame);
  }

  bye(): void {
    this.#send(newFrame({ ...this.#head(), kind: "bye", n: 0 }, 0).frame);
  }

  /** Numbered messages of its connection now. */
  get now(): Said[] {
    return this.said.filter(({ sid }) => sid === this.#sid);
  }

  eventsOf(kind: "result" | "epoch" | "revoked"): number[] {
    return this.now.flatMap((each) => (each.kind === kind ? each.events : []));
  }

  #head(): Omit<Header, "kind" | "n"> {
    return { sid: this.#sid, session: 7, seq: ++this.#frames, ack: 0 };
  }

  #send(frame: Uint8Array<ArrayBuffer>): void {
    seal([frame]);
    this.#events?.lane(frame);
  }
}

describe("a client", () => {
  const masters: { master: Master; ended: Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const { master, ended } of masters.splice(0)) {
      master.bye();
      await ended.catch(() => undefined);
    }
  });

  /** One that has come to a coordinator which nobody else has. */
  function start(change: Partial<ClientOrder> = {}): { master: Master; ended: Promise<unknown> } {
    const master = new Master();
    const order = { ...clientOrder, coordinatorTimeoutMs: 10_000, ...change };
    const ended = new Client(master, order).run(new AbortController().signal);
    ended.catch(() => undefined);
    masters.push({ master, ended });
    return { master, ended };
  }

  const range = (first: number, end: number): number[] =>
    Array.from({ length: end - first }, (_, k) => first + k);

  test("says as another connection what was not acknowledged, and that it is settled behind it", async () => {
    const { master } = start();
    const analysis = analysisOrder("stats", {});
    await master.begin(analysis);
    expect(master.now).toMatchObject([{ kind: "settled", seq: 1 }]);
    master.lease("lease", 0, 20);
    await until(() => master.eventsOf("epoch").length === 20, "totals");
    await master.welcome(analysis);
    await master.settled();
    expect(master.now.map(({ seq }) => seq)).toEqual(master.now.map((_, k) => k + 1));
    expect(master.eventsOf("result")).toEqual(range(0, 20));
    expect(master.eventsOf("epoch")).toEqual(range(0, 20));
    const kinds = master.now.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "settled")).toHaveLength(1);
    expect(kinds.at(-1)).toBe("settled");
  });

  test("closes its totals when leases are taken back, and only then says that it is settled", async () => {
    const { master } = start();
    const analysis = analysisOrder("wait", { ms: "20" });
    await master.begin(analysis);
    master.lease("lease", 0, 100);
    await until(() => master.eventsOf("result").length >= 3, "results");
    await master.welcome(analysis);
    await master.settled();
    const settled = master.now.findIndex(({ kind }) => kind === "settled");
    const done = master.eventsOf("result").length;
    const before = master.now.slice(0, settled);
    const counted = before.filter(({ kind }) => kind === "epoch").flatMap(({ events }) => events);
    // The event in work may come behind.
    expect(counted.length).toBeGreaterThanOrEqual(done - 1);
    expect(counted).toEqual(range(0, counted.length));
  });

  test("begins nothing any more that was taken back", async () => {
    const log = join(folder, "log");
    const path = join(folder, "logs.mjs");
    // Some 20 µs an event: of what comes from outside its thread hears once a millisecond.
    writeFileSync(
      path,
      `import { appendFileSync } from "node:fs";
      const clock = () => performance.timeOrigin + performance.now();
      export default { setup: () => ({ reads: false, event: ({ id }) => {
        appendFileSync(${JSON.stringify(log)}, clock() + "\\n");
      } }) };`,
    );
    const analysis = analysisOrder(path, {});
    const { master } = start();
    for (let time = 0; time < 10; time++) {
      writeFileSync(log, "");
      await master.begin(analysis);
      master.lease("lease", 0, 300);
      await until(() => master.eventsOf("result").length > 0, "results");
      await master.welcome(analysis);
      const atMs = performance.timeOrigin + performance.now();
      await master.settled();
      const begun = readFileSync(log, "utf8").trimEnd().split("\n").map(Number);
      // The one in work may have been claimed, and not begun.
      expect(begun.filter((begunAtMs) => begunAtMs > atMs).length).toBeLessThanOrEqual(1);
    }
  });

  test("gives back at once what it hasn't begun, and totals the event in work by itself", async () => {
    const path = join(folder, "sleeps.mjs");
    const log = join(folder, "begun");
    writeFileSync(
      path,
      `import { appendFileSync } from "node:fs";
      const never = new Int32Array(new SharedArrayBuffer(4));
      export default { setup: () => ({ reads: false, event: ({ id }) => {
        appendFileSync(${JSON.stringify(log)}, ".");
        Atomics.wait(never, 0, 0, id < 2 ? 10 : 1000);
      } }) };`,
    );
    const { master } = start();
    await master.begin(analysisOrder(path, {}));
    master.lease("lease", 0, 10);
    master.lease("lease", 10, 20);
    await until(() => existsSync(log) && statSync(log).size === 3, "the third event");
    master.revoke();
    await until(() => master.now.some(({ kind }) => kind === "revoked"), "its answer");
    const [first] = master.eventsOf("revoked");
    const inWork = first! - 1;
    expect(master.eventsOf("revoked")).toEqual(range(first!, 20));
    // The event in work takes a second; it didn't wait for it.
    expect(master.eventsOf("result")).not.toContain(inWork);
    await until(() => master.eventsOf("epoch").includes(inWork), "totals");
    expect(master.eventsOf("result")).toEqual(range(0, first!));
    const epochs = master.now.filter(({ kind }) => kind === "epoch").map(({ events }) => events);
    expect(epochs.flat()).toEqual(range(0, first!));
    expect(epochs.at(-1)).toEqual([inWork]);
  });

  test("works on what comes behind what it gave back", async () => {
    const { master } = start();
    await master.begin(analysisOrder("wait", { ms: "20" }));
    master.lease("lease", 0, 10);
    await until(() => master.eventsOf("result").length >= 1, "results");
    master.revoke();
    await until(() => master.now.some(({ kind }) => kind === "revoked"), "its answer");
    const [first] = master.eventsOf("revoked");
    master.lease("lease", first!, first! + 2);
    await until(() => master.eventsOf("epoch").length === first! + 2, "totals");
    expect(master.eventsOf("result")).toEqual(range(0, first! + 2));
  });

  test("answers that it has nothing to give back", async () => {
    const { master } = start();
    await master.begin(analysisOrder("wait", { ms: "1" }));
    master.revoke();
    await until(() => master.now.some(({ kind }) => kind === "revoked"), "its answer");
    expect(master.eventsOf("revoked")).toEqual([]);
  });

  test("totals what another client may have, too, by itself", async () => {
    const { master } = start();
    await master.begin(analysisOrder("wait", { ms: "1" }));
    master.lease("lease", 0, 5);
    master.lease("double", 5, 8);
    master.lease("double", 8, 9);
    master.lease("lease", 9, 20);
    await until(() => master.eventsOf("epoch").length === 20, "totals");
    const epochs = master.now.filter(({ kind }) => kind === "epoch").map(({ events }) => events);
    expect(epochs).toContainEqual(range(5, 8));
    expect(epochs).toContainEqual([8]);
  });

  test("fails an event that takes longer than the coordinator allows", async () => {
    const path = join(folder, "slow.mjs");
    writeFileSync(
      path,
      `const never = new Int32Array(new SharedArrayBuffer(4));
      export default { setup: () => ({ reads: false, event: ({ id }) => {
        if (id === 1) Atomics.wait(never, 0, 0, 60_000);
      } }) };`,
    );
    const { master } = start();
    await master.begin(analysisOrder(path, {}), 300);
    master.lease("lease", 0, 3);
    await until(() => master.now.some(({ kind }) => kind === "leave"), "its leave");
    expect(master.eventsOf("epoch").at(-1)).toBe(1);
    expect(master.now.filter(({ kind }) => kind === "result").at(-1)?.events).toEqual([1]);
  });

  test("begins nothing while 64 MiB of its results wait for an acknowledgement", async () => {
    const path = join(folder, "wide.mjs");
    // 8 kB an event.
    writeFileSync(
      path,
      `const names = Array.from({ length: 1000 }, (_, k) => "c" + k);
      const values = Object.fromEntries(names.map((name) => [name, 1]));
      const eventColumns = Object.fromEntries(names.map((name) => [name, "f8"]));
      export default { setup: () => ({ reads: false, eventColumns, event: () => ({ event: values }) }) };`,
    );
    const { master } = start();
    await master.begin(analysisOrder(path, {}));
    const done = (): number => master.eventsOf("result").length;
    // 192 MB of results.
    for (let lease = 0; lease < 80; lease++) master.lease("lease", 0, 300);
    for (const times of [1, 2]) {
      await until(() => master.held > 64 * 2 ** 20, "64 MiB of results");
      // More may be on its way; then nothing comes.
      let before = -1;
      let sinceMs = 0;
      await until(() => {
        if (done() !== before) [before, sinceMs] = [done(), performance.now()];
        return performance.now() - sinceMs > 500;
      }, "an end of results");
      expect(master.held / 2 ** 20).toBeLessThan(80);
      expect(done()).toBeLessThan(10_000 * times);
      master.acknowledge();
    }
    await until(() => {
      if (master.held > 2 ** 25) master.acknowledge();
      return done() === 80 * 300;
    }, "all results");
  }, 60_000);

  test("says that a file changed, also where it sees it while it waits for a lease", async () => {
    const copy = join(folder, "copy");
    cpSync(join(folder, "run"), copy, { recursive: true, preserveTimestamps: true });
    const { master, ended } = start({ places: [{ kind: "root", folder: copy }] });
    await master.begin(analysisOrder("read", {}));
    master.lease("lease", 0, 1);
    await until(() => master.eventsOf("epoch").length === 1, "totals");
    const path = join(copy, "file1.h5");
    const { atime, mtime } = statSync(path);
    // It has said totals just now: the next are due some milliseconds after its results.
    master.onResult = () => {
      utimesSync(path, atime, new Date(mtime.getTime() + 1000));
    };
    const isFault = (): boolean => master.now.some(({ kind }) => kind === "fault");
    for (let event = 1; event < 20 && !isFault(); event++) {
      master.lease("lease", event, event + 1);
      await until(() => isFault() || master.eventsOf("epoch").includes(event), "its word");
    }
    expect(isFault()).toBe(true);
    master.bye();
    await expect(ended).rejects.toMatchObject({ tag: "data-changed" });
  });

  test("refuses every analysis but the one that it was started for", async () => {
    const { master, ended } = start({ analysis: "stats" });
    await master.welcome(analysisOrder("read", {}));
    await expect(ended).rejects.toMatchObject({ tag: "analysis-unwanted", exitCode: 2 });
  });
});
