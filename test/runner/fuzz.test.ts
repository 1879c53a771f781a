import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isEvbError } from "@evb/event";
import {
  analysisOrder,
  encodeFailures,
  encodeJoin,
  encodeValue,
  readHeader,
  seal,
  type Header,
} from "@evb/runner";
import { SeededRandom } from "../support/random.ts";
import {
  runInMemory,
  smallRun,
  type EndedInMemory,
  type InMemory,
  type SmallRun,
} from "../support/run-small.ts";

type Message = readonly Uint8Array<ArrayBuffer>[];

let folder: string;
let run: SmallRun;
let undisturbed: string | undefined;
let outs = 0;

/** Every event waits a little, so that clients have many things to say. */
const waiting = (ms: number): NonNullable<InMemory["order"]> => ({
  analysis: analysisOrder("wait", { ms: String(ms) }),
  batchCap: 3,
  // One that is shut out at once is not waited for.
  clientsAwaited: () => 1,
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evb-fuzz-"));
  run = await smallRun(folder);
  const { report } = await runInMemory({ run, out: "whole", clients: 1, order: waiting(0) });
  undisturbed = report.digest;
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A run of two clients among all that `prepare` puts in its way, and how long it took. */
async function disturbed(
  prepare: NonNullable<InMemory["prepare"]>,
  { waitMs } = { waitMs: 2 },
): Promise<EndedInMemory & { readonly seconds: number }> {
  const begun = performance.now();
  const out = `out${String(++outs)}`;
  const ended = await runInMemory({ run, out, clients: 2, order: waiting(waitMs), prepare });
  return { ...ended, seconds: (performance.now() - begun) / 1000 };
}

/** What nothing may change. */
const answerOf = ({ exitCode, problem, report }: EndedInMemory): object => {
  const { digest, totals, events, failed } = report;
  return { exitCode, problem, digest, totals, events, failed };
};
const trueAnswer = (): object => ({
  exitCode: 0,
  problem: undefined,
  digest: undisturbed,
  totals: { count: String(run.truth.all.events), first: run.truth.all.first },
  events: run.truth.all.events,
  failed: 0,
});

const errorsIn = ({ ended }: EndedInMemory): Error[] =>
  ended.filter((each): each is Error => each instanceof Error);

/** Some bytes changed, or cut off, or added: never the same. */
function mutated(random: SeededRandom, frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const changed = frame.slice();
  switch (random.below(6)) {
    case 0:
      return frame.slice(0, random.below(frame.byteLength));
    case 1:
      return Uint8Array.from([...frame, random.below(256)]);
    default:
      for (let times = 1 + random.below(3); times > 0; times--) {
        const at = random.below(frame.byteLength);
        changed[at] = (changed[at]! + 1 + random.below(80)) & 0xff;
      }
      return changed;
  }
}

/** A frame of it changed, or left out, or there twice. */
function mutatedMessage(random: SeededRandom, message: Message): Message {
  const number = random.below(message.length);
  const others = message.toSpliced(number, 1);
  switch (random.below(8)) {
    case 0:
      return others;
    case 1:
      return [...message, message[number]!];
    default:
      return others.toSpliced(number, 0, mutated(random, message[number]!));
  }
}

/** A copy with other bytes in its first frame, and a right checksum. */
function resealed(message: Message, change: (first: DataView) => void): Message {
  const [first, ...more] = message.map((frame) => frame.slice());
  change(new DataView(first!.buffer));
  seal([first!, ...more]);
  return [first!, ...more];
}

const randomBytes = (random: SeededRandom, lengthMax: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: random.below(lengthMax) }, () => random.below(256));

/** What somebody may send who saw a message, and is nobody. */
function ofNobody(random: SeededRandom, message: Message): Message {
  const { kind } = readHeader(message[0]!);
  switch (random.below(16)) {
    case 0:
      // Of another session…
      return resealed(message, (first) => {
        first.setUint32(4, first.getUint32(4, true) ^ (1 + random.below(2 ** 31)), true);
      });
    case 1:
      // …of a client that never was…
      return resealed(message, (first) => {
        first.setUint16(2, 60_000 + random.below(5000), true);
      });
    case 2:
      // …of one that says hello under another's number…
      if (kind !== "hello") return mutatedMessage(random, message);
      return resealed(message, (first) => {
        first.setUint8(24 + random.below(16), 1 + random.below(255));
      });
    case 3:
      // …and of no evb at all.
      return Array.from({ length: random.below(3) }, () => randomBytes(random, 300));
    default:
      return mutatedMessage(random, message);
  }
}

/** As a lane frame that isn't its client's. */
function ofNoLane(random: SeededRandom, frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(frame);
  if (random.below(8) > 0) return mutated(random, copy);
  const [other] = resealed([copy], (first) => {
    const at = 2 + 2 * random.below(3);
    first.setUint16(at, first.getUint16(at, true) ^ (1 + random.below(999)), true);
  });
  return other!;
}

type Change = (message: Message) => Message;

/** Numbers behind the header: of a RESULT lease, first event, events, fragments; of an EPOCH first event, events. */
const withU32 =
  (at: number, value: number): Change =>
  (message) =>
    resealed(message, (first) => {
      first.setUint32(24 + at, value, true);
    });
const withSecond =
  (second: Uint8Array<ArrayBuffer>): Change =>
  (message) =>
    resealed([message[0]!, second], () => undefined);
const withType =
  (type: number): Change =>
  (message) =>
    resealed(message, (first) => {
      first.setUint8(0, type);
    });

/** The run's last event is not in a client's first result. */
const NOT_ITS_OWN = { event: 299, reason: "it did not" };

describe("nonsense", () => {
  test("on its way to the coordinator changes nothing, is counted, and is told once a second at most", async () => {
    const random = new SeededRandom(20261121);
    const strange = new WeakSet<readonly Uint8Array[]>();
    let arrived = 0;
    const ended = await disturbed((network, clients) => {
      const stranger = network.client();
      network.onResult = (frames) => {
        if (strange.has(frames)) arrived++;
      };
      for (const client of clients) {
        const publish = client.publish.bind(client);
        client.publish = (message) => {
          publish(message);
          for (let copies = 40; copies > 0; copies--) {
            const nonsense = ofNobody(random, message);
            strange.add(nonsense);
            stranger.publish(nonsense);
          }
        };
      }
      const nonce = "0".repeat(32);
      const joins = [
        encodeJoin({ nonce, host: "h", pid: 1, evb: "1", run: "another" }),
        encodeValue({ nonce }),
        randomBytes(random, 5000),
      ];
      clients[0]!.onPublish = () => {
        for (const join of joins.splice(0)) {
          stranger.join(join);
          arrived++;
        }
      };
    });
    expect(answerOf(ended)).toEqual(trueAnswer());
    expect(errorsIn(ended)).toEqual([]);
    expect(arrived).toBeGreaterThan(1500);
    const { strayFrames, clientsLost, gapsAsked } = ended.report.faults;
    expect({ strayFrames, clientsLost, gapsAsked }).toEqual({
      strayFrames: arrived,
      clientsLost: 0,
      gapsAsked: 0,
    });
    expect(ended.notices.length).toBeGreaterThan(0);
    expect(ended.notices.length).toBeLessThan(2 + ended.seconds);
  }, 60_000);

  test("on its way to clients changes nothing", async () => {
    const random = new SeededRandom(20261122);
    let arrived = 0;
    const ended = await disturbed((_, clients) => {
      for (const client of clients) {
        const listen = client.listen.bind(client);
        client.listen = (events) => {
          listen({
            ...events,
            lane: (frame) => {
              const nonsense = Array.from({ length: 40 }, () => ofNoLane(random, frame));
              arrived += nonsense.length;
              const around = [...nonsense.slice(20), frame, ...nonsense.slice(0, 20)];
              for (const each of around) events.lane(each);
            },
          });
        };
      }
    });
    expect(answerOf(ended)).toEqual(trueAnswer());
    expect(errorsIn(ended)).toEqual([]);
    expect(arrived).toBeGreaterThan(1500);
    const { strayFrames, clientsLost, lateCopies } = ended.report.faults;
    expect({ strayFrames, clientsLost, lateCopies }).toEqual({
      strayFrames: 0,
      clientsLost: 0,
      lateCopies: 0,
    });
  }, 60_000);
});

describe("a client that says what none can mean, well sealed, under its own name", () => {
  /** It lies once, with its first message of a kind. */
  const lying =
    (kind: Header["kind"], change: Change, onLie: () => void): NonNullable<InMemory["prepare"]> =>
    (_, [liar]) => {
      const publish = liar!.publish.bind(liar);
      let lied = false;
      liar!.publish = (message) => {
        const lies = !lied && readHeader(message[0]!).kind === kind;
        publish(lies ? change(message) : message);
        if (!lies) return;
        lied = true;
        onLie();
      };
    };

  test.each<[string, Header["kind"], Change]>([
    ["results of events that the run hasn't got", "result", withU32(4, 1_000_000)],
    ["results of no event", "result", withU32(8, 0)],
    ["results of more fragments than its event has", "result", withU32(12, 1000)],
    ["that it failed at another's event", "result", withSecond(encodeFailures([NOT_ITS_OWN]))],
    ["failures that are none", "result", withSecond(Uint8Array.of(0xc1))],
    ["totals of events that the run hasn't got", "epoch", withU32(0, 1_000_000)],
    ["totals of no event", "epoch", withU32(4, 0)],
    ["a lease", "result", withType(1)],
    ["a fault without a reason", "epoch", withType(21)],
    ["a schema that is none", "hello", withSecond(encodeValue({ columns: [] }))],
  ])(
    "is shut out, and others do its part: %s",
    async (_, kind, change) => {
      let lies = 0;
      const ended = await disturbed(lying(kind, change, () => lies++));
      expect(lies).toBe(1);
      expect(answerOf(ended)).toEqual(trueAnswer());
      // The end may come before it asks what is wrong.
      const errors = errorsIn(ended);
      expect(errors).toHaveLength(1);
      expect(isEvbError(errors[0], "client-refused", "coordinator-lost")).toBe(true);
      expect(ended.report.faults.strayFrames).toBe(1);
      expect(ended.notices.join()).toContain("client ");
    },
    60_000,
  );

  test("is told so, and ends", async () => {
    const change = withU32(4, 1_000_000);
    const prepare = lying("result", change, () => undefined);
    const ended = await disturbed(prepare, { waitMs: 12 });
    expect(answerOf(ended)).toEqual(trueAnswer());
    expect(errorsIn(ended).map(({ message }) => message)).toEqual([
      expect.stringContaining("takes nothing more of this client"),
    ]);
  }, 60_000);
});
