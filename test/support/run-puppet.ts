import { setImmediate } from "node:timers/promises";
import { Totals, type ResultSchema } from "@evb/analysis";
import type { RunIndex } from "@evb/index";
import {
  decodeLeases,
  leaseSourcesOf,
  decodeWelcome,
  encodeEpoch,
  encodeFailures,
  encodeJoin,
  encodeResults,
  encodeSchema,
  newFrame,
  openMessage,
  seal,
  type ClientLink,
  type Header,
  type Lease,
  type MemoryNetwork,
  type Range,
  type Refusal,
  type Welcome,
} from "@evb/runner";
import { RESULTS } from "./run-frames.ts";

/** What a puppet returns: a number for each event, and a sum. */
export const PUPPET_SCHEMA: ResultSchema = {
  eventColumns: [{ name: "v", type: "i4" }],
  fragmentColumns: [],
  totals: [{ name: "sum", type: "i8", length: 1 }],
};

/** Until all that was said has been heard and answered: each step in memory is one turn of the loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
}

/** What came on a lane: its header, and the leases that it has. */
type Heard = Header & { readonly leases: readonly Lease[] };

/** A client that says what it is told to, and nothing else. */
export class Puppet {
  readonly #network: MemoryNetwork;
  readonly #index: RunIndex;
  readonly #run: string;
  readonly #nonce: string;
  #link: ClientLink;
  #seq = 0;
  #taken = 0;
  welcome: Welcome | undefined;
  refusal: Refusal | undefined;
  readonly heard: Heard[] = [];

  /** @param who puppets of one number are one process */
  constructor(network: MemoryNetwork, index: RunIndex, who: { number: number; run?: string }) {
    this.#network = network;
    this.#index = index;
    this.#run = who.run ?? "";
    this.#nonce = who.number.toString(16).padStart(32, "0");
    this.#link = this.#connect();
  }

  /** One that has joined and said hello. */
  static async ready(...parts: ConstructorParameters<typeof Puppet>): Promise<Puppet> {
    const puppet = new Puppet(...parts);
    await puppet.join();
    await puppet.greet();
    return puppet;
  }

  #connect(): ClientLink {
    const link = this.#network.client();
    link.listen({
      heard: () => undefined,
      unheard: () => undefined,
      refused: () => undefined,
      welcome: (bytes) => {
        const answer = decodeWelcome(bytes);
        if ("refused" in answer) this.refusal = answer;
        else this.welcome = answer;
      },
      lane: (frame) => {
        const header = openMessage([frame]);
        const has = header.kind === "lease" || header.kind === "double";
        const leases = has ? decodeLeases(header, frame, leaseSourcesOf(this.#index)) : [];
        this.heard.push({ ...header, leases });
      },
    });
    return link;
  }

  /** Asks to be let in; where it was before, as another connection. */
  async join(): Promise<void> {
    const who = { nonce: this.#nonce, host: "here", pid: 1, evb: "test", run: this.#run };
    this.#link.join(encodeJoin(who));
    await settle();
    if (this.welcome === undefined) return;
    this.#link.connectLane(this.welcome.lanePort);
    await settle();
  }

  async greet({ nonce = this.#nonce, schema = PUPPET_SCHEMA } = {}): Promise<void> {
    const { frame } = newFrame({ ...this.#head(0), kind: "hello", n: 0 }, 16);
    frame.set(Buffer.from(nonce, "hex"), frame.byteLength - 16);
    await this.#publish(frame, encodeSchema(schema));
  }

  /** Of all numbered messages this is the next, unless it says which. */
  async say(kind: "settled" | "leave" | "beat", seq = this.#next(kind)): Promise<void> {
    await this.#publish(newFrame({ ...this.#head(seq), kind, n: 0 }, 0).frame);
  }

  /** Results of these events. */
  async results(
    first: number,
    events: number,
    wrong: { seq?: number; session?: number; fragments?: number; failed?: number } = {},
  ): Promise<void> {
    const fragments = wrong.fragments ?? this.#index.slab(first, events).source.length;
    const header = { ...this.#head(wrong.seq ?? ++this.#seq) };
    const lease = this.leases.find((each) => each.first <= first && first < endOf(each));
    const frame = encodeResults(
      { ...header, session: wrong.session ?? header.session },
      {
        ranges: [{ lease: lease?.id ?? 1, first, events, fragments }],
        times: RESULTS.times,
        eventSlots: new BigUint64Array(events),
        fragmentSlots: new BigUint64Array(0),
      },
    );
    const { failed } = wrong;
    const more = failed === undefined ? [] : [encodeFailures([{ event: failed, reason: "no" }])];
    await this.#publish(frame, ...more);
  }

  /** Totals of these events. */
  async epoch(first: number, events: number, sum: number): Promise<void> {
    const totals = new Totals(PUPPET_SCHEMA.totals);
    totals.add(0, sum, 0);
    const frame = encodeEpoch(this.#head(++this.#seq), { ranges: [{ first, events }], totals });
    await this.#publish(frame);
  }

  /** Does all leases that came, and those that come for it; of each event the sum grows by one. Returns their events. */
  async work(): Promise<number[]> {
    const done: number[] = [];
    for (let lease = this.leases[this.#taken]; lease !== undefined;) {
      this.#taken++;
      const events = lease.time.length;
      await this.results(lease.first, events);
      await this.epoch(lease.first, events, events);
      for (let event = lease.first; event < endOf(lease); event++) done.push(event);
      lease = this.leases[this.#taken];
    }
    return done.sort((a, b) => a - b);
  }

  get leases(): Lease[] {
    return this.heard.flatMap(({ leases }) => leases);
  }

  get ranges(): Range[] {
    return this.leases.map((lease) => ({ first: lease.first, end: endOf(lease) }));
  }

  get acknowledged(): number {
    return Math.max(0, ...this.heard.map(({ ack }) => ack));
  }

  get kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }

  /** As when its process ends. */
  async close(): Promise<void> {
    this.#link.close(0);
    await settle();
  }

  #next(kind: string): number {
    return kind === "beat" ? this.#seq : ++this.#seq;
  }

  #head(seq: number): Omit<Header, "kind" | "n"> {
    const { sid, session } = this.welcome!;
    return { sid, session, seq, ack: 0 };
  }

  async #publish(
    ...frames: [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]]
  ): Promise<void> {
    seal(frames);
    this.#link.publish(frames);
    await settle();
  }
}

const endOf = ({ first, time }: Lease): number => first + time.length;
