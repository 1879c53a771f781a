// A coordinator of a run of `none`, put together by hand: INDEX OUT BATCH CLIENTS SINK → {"seconds", "cpuSeconds", "batches"}.
// SINK: `journal`, as evb does it; `discard`: its records go nowhere; `neither`: they go nowhere, and
// results are acknowledged only by leases that go out anyway. For measuring what both cost.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { RunIndex } from "../../packages/index/dist/mod.js";
import {
  analysisOrder,
  BATCH_CAP,
  Coordinator,
  JournalWriter,
  newKeyPair,
  readHeader,
  writeConnection,
  ZeromqCoordinatorLink,
} from "../../packages/runner/dist/mod.js";

const [indexPath, out, batch, clients, sink] = process.argv.slice(2);
/** Half a beat: a client to which nothing is said for ten takes itself for lost. */
const SILENT_MS = 50;

class Discarding extends JournalWriter {
  append() {}
  flush() {}
  async sync() {}
}

function withoutAcknowledgements(link) {
  const openLane = link.openLane.bind(link);
  link.openLane = async (events) => {
    const lane = await openLane(events);
    let sentAtMs = 0;
    return {
      port: lane.port,
      send: (frame) => {
        const now = performance.now();
        if (readHeader(frame).kind === "ack" && now - sentAtMs < SILENT_MS) return;
        sentAtMs = now;
        lane.send(frame);
      },
      close: (lingerMs) => lane.close(lingerMs),
    };
  };
  return link;
}

const host = "127.0.0.1";
const run = "bench";
const keys = { server: await newKeyPair(), client: await newKeyPair() };
const index = await RunIndex.open(indexPath);
const link = await ZeromqCoordinatorLink.open({
  host,
  port: 0,
  ports: undefined,
  security: { server: keys.server, clients: new Set([keys.client.publicKey]) },
});
mkdirSync(out);
const Sink = sink === "journal" ? JournalWriter : Discarding;
const journal = new Sink(join(out, "journal"));
const coordinator = new Coordinator({
  index,
  order: {
    run,
    out,
    range: { first: 0, end: index.eventCount },
    analysis: analysisOrder("none", {}),
    batchCap: batch === "default" ? BATCH_CAP : Number(batch),
    clientsAwaited: () => Number(clients),
    clientsReturn: true,
    clientTimeoutMs: 60_000,
    eventTimeoutMs: undefined,
    strict: false,
  },
  link: sink === "neither" ? withoutAcknowledgements(link) : link,
  journal,
  watcher: { progress: () => undefined, notice: (sentence) => console.error(sentence) },
});
writeConnection(join(out, "connection.json"), {
  run,
  hosts: [host],
  joinPort: link.endpoints.join,
  resultsPort: link.endpoints.results,
  security: { serverKey: keys.server.publicKey, client: keys.client },
});
const before = process.cpuUsage();
const { ended, seconds, batches, done } = await coordinator.run(new AbortController().signal);
const { user, system } = process.cpuUsage(before);
journal.close();
index.close();
if (ended !== undefined) throw ended;
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, batches, done }));
