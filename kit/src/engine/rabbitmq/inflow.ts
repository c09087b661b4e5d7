import {
  acknowledgeUpTo,
  type AmqpBroker,
  AmqpError,
  type OpenChannel,
  type SteadyChannel,
  type WireChannel,
  type WireMessage,
} from "../../drivers/amqp/mod.ts";
import { Entry } from "./entry.ts";
import { disclose } from "./envelope.ts";
import type { Names } from "./names.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Topology } from "./topology.ts";
import { UnsettledTags } from "./unsettled-tags.ts";

export interface InflowParts {
  readonly broker: AmqpBroker;
  readonly topology: Topology;
  readonly names: Names;
  readonly options: ResolvedOptions;
  readonly queue: string;
  readonly newId: () => string;
  readonly arrived: () => void;
  /** The channel is gone: the broker hands out again whatever came by it. */
  readonly lost: () => void;
}

/** Rounds of asking for messages that are said to be there and do not come: others take them. */
const fillRoundsMax = 20;

/** Brings the messages of a queue into this process, as many as were asked for: one consumer a lane, whose window grows with what is claimed. */
export class Inflow implements AsyncDisposable {
  readonly #parts: InflowParts;
  readonly #channel: SteadyChannel;
  readonly #unsettled: number[];
  #unsettledTags = new UnsettledTags();
  #waiting: Entry[] = [];
  /** The consumers that run, and of all of the channel the lane. */
  #tags: string[] = [];
  readonly #lanes = new Map<string, number>();
  #window = 0;
  /** The window of the consumers that run. */
  #opened = 0;
  #arrivals = 0;
  /** How often the queue was gone when the channel was opened. */
  #losses = 0;
  /** Whether messages may be on the way that were in the queue before: then a claim that comes short looks. */
  #mayBeOnTheWay = true;
  #growing: Promise<void> = Promise.resolve();
  #syncing: Promise<unknown> = Promise.resolve();
  #syncNext: Promise<unknown> | undefined;

  constructor(parts: InflowParts) {
    this.#parts = parts;
    this.#unsettled = Array.from({ length: parts.options.lanes }, () => 0);
    const late = (message: WireMessage): void => {
      const { ready } = this.#channel;
      const lane = this.#lanes.get(message.fields.consumerTag ?? "");
      if (ready !== undefined && lane !== undefined) this.#deliver({ message, lane, ...ready });
    };
    this.#channel = parts.broker.channel((channel) => this.#prepare(channel), late);
  }

  /** Messages that wait for a claim, in the order of claims. */
  get waiting(): readonly Entry[] {
    return this.#waiting;
  }

  /** Lets so many messages of each lane be here at once. Rejects as the driver does. */
  async reach(count: number): Promise<void> {
    const { windowMax } = this.#parts.options;
    const wanted = Math.min(Math.max(count, 1), windowMax);
    // In steps of a quarter at least: each step is one more consumer.
    if (wanted > this.#window) this.#window = Math.min(windowMax, Math.max(wanted, Math.ceil(this.#window * 1.25)));
    if (this.#losses !== this.#parts.topology.lossesOf(this.#parts.queue)) await this.#close();
    if (this.#channel.ready === undefined) return void (await this.#channel.get());
    if (this.#opened >= this.#window) return;
    this.#growing = this.#growing.catch(() => undefined).then(() => this.#widen());
    await this.#growing;
  }

  /** Waits until `count` messages are here, or all that the queue had when it was called. */
  async fill(count: number): Promise<void> {
    if (!this.#mayBeOnTheWay) return;
    for (let round = 0; round < fillRoundsMax && this.#waiting.length < count; round++) {
      const before = this.#arrivals;
      const ready = await this.#readyAtBroker();
      // What the broker had sent before it answered is here after one more answer.
      await this.synced();
      if (ready === 0 || this.#isFull()) break;
      if (this.#arrivals > before) round = 0;
    }
    this.#mayBeOnTheWay = this.#waiting.length >= count;
  }

  /** Something was put into the queue by this process. */
  expectMore(): void {
    this.#mayBeOnTheWay = true;
  }

  take(chosen: ReadonlySet<Entry>): void {
    this.#waiting = this.#waiting.filter((entry) => !chosen.has(entry));
  }

  /** Puts a message to its place among those that wait. */
  putBack(entry: Entry): void {
    const last = this.#waiting.at(-1);
    if (last === undefined || comesBefore(last, entry)) return void this.#waiting.push(entry);
    const at = this.#waiting.findLastIndex((other) => !comesBefore(entry, other));
    this.#waiting.splice(at + 1, 0, entry);
  }

  isCurrent(entry: Entry): boolean {
    return this.#channel.ready?.epoch === entry.epoch;
  }

  /** Takes a message from the broker for good, by the next {@link synced}. Nothing happens when it came by a channel that is gone. */
  acknowledge(entry: Entry): void {
    if (this.#settled(entry) !== undefined) this.#unsettledTags.acknowledge(entry.message);
  }

  /** Hands a message back as it came; the broker counts it as a crash. */
  requeue(entry: Entry): void {
    const wire = this.#settled(entry);
    if (wire === undefined) return;
    this.#unsettledTags.handedBack(entry.message.fields.deliveryTag);
    wire.nack(entry.message);
  }

  /** Resolves once the broker has received all settlements made before. Those who wait share one question, and their acknowledgements go together.
   *  Rejects with AmqpError when the channel is lost before. */
  synced(): Promise<unknown> {
    if (this.#syncNext === undefined) {
      const epoch = this.#channel.ready?.epoch;
      this.#syncNext = this.#syncing.catch(() => undefined).then(() => this.#sync(epoch));
      this.#syncing = this.#syncNext;
    }
    return this.#syncNext;
  }

  /** No more messages come; the next `reach` starts again. */
  async stop(): Promise<void> {
    const tags = this.#tags;
    this.#tags = [];
    this.#window = 0;
    this.#opened = 0;
    if (this.#channel.ready === undefined) return;
    for (const tag of tags) await this.#channel.ask("cancelling a consumer", (wire) => wire.cancel(tag));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
  }

  async #prepare(channel: OpenChannel): Promise<void> {
    const { queue, topology, lost } = this.#parts;
    this.#forget();
    channel.ended.addEventListener("abort", () => {
      this.#forget();
      lost();
    });
    this.#losses = topology.lossesOf(queue);
    await topology.lanesOf(queue);
    await this.#consume(channel);
  }

  /** One more consumer a lane, for what the window has grown. A consumer's own window cannot change while it runs. */
  async #consume({ wire, epoch }: Pick<OpenChannel, "wire" | "epoch">): Promise<void> {
    const { options, names, queue } = this.#parts;
    const window = this.#window;
    const more = window - this.#opened;
    if (more <= 0) return;
    this.#opened = window;
    this.#mayBeOnTheWay = true;
    await wire.prefetch(more);
    for (let lane = 0; lane < options.lanes; lane++) {
      const deliver = (message: WireMessage | null): void => this.#deliver({ message, lane, epoch, wire });
      const { consumerTag } = await wire.consume(names.lane(queue, lane), deliver);
      this.#tags.push(consumerTag);
      this.#lanes.set(consumerTag, lane);
    }
  }

  async #close(): Promise<void> {
    const { ready } = this.#channel;
    await ready?.wire.close().catch(() => undefined);
  }

  async #widen(): Promise<void> {
    const { epoch } = await this.#channel.get();
    await this.#channel.ask("widening the window", (wire) => this.#consume({ wire, epoch }));
  }

  #deliver(arrival: {
    readonly message: WireMessage | null;
    readonly lane: number;
    readonly epoch: number;
    readonly wire: WireChannel;
  }): void {
    const { message, lane, epoch, wire } = arrival;
    const { topology, newId, options, queue, arrived } = this.#parts;
    if (message === null) {
      // The queue was deleted, or its leader is gone: all is declared again on a new channel.
      topology.forget(queue);
      void wire.close().catch(() => undefined);
      return;
    }
    const carried = disclose(message, newId, options.clock.now());
    this.#unsettled[lane] = (this.#unsettled[lane] ?? 0) + 1;
    this.#unsettledTags.delivered(message.fields.deliveryTag);
    this.putBack(new Entry({ carried, lane, order: ++this.#arrivals, message, epoch }));
    arrived();
  }

  /** Counts it as settled. Where it can be; undefined when it came by a channel that is gone. */
  #settled(entry: Entry): WireChannel | undefined {
    const { ready } = this.#channel;
    if (ready?.epoch !== entry.epoch) return undefined;
    if (this.#isFull()) this.#mayBeOnTheWay = true;
    this.#unsettled[entry.lane] = (this.#unsettled[entry.lane] ?? 1) - 1;
    return ready.wire;
  }

  async #sync(epoch: number | undefined): Promise<void> {
    await this.#channel.ask("settling", async (wire) => {
      // The acknowledgements of a life went with it: a question that a later one answers says nothing of them.
      if (this.#channel.ready?.epoch !== epoch) throw new AmqpError("connection", "the channel was lost meanwhile");
      this.#syncNext = undefined;
      this.#sendAcknowledgements(wire);
      await wire.prefetch(1);
    });
  }

  #sendAcknowledgements(wire: WireChannel): void {
    const { upTo, single } = this.#unsettledTags.take();
    if (upTo !== undefined) acknowledgeUpTo(wire, upTo);
    for (const message of single) wire.ack(message);
  }

  #isFull(): boolean {
    return this.#unsettled.some((count) => count >= this.#window);
  }

  async #readyAtBroker(): Promise<number> {
    const { options, names, queue } = this.#parts;
    return this.#channel.ask("counting", async (wire) => {
      let ready = 0;
      for (let lane = 0; lane < options.lanes; lane++)
        ready += (await wire.checkQueue(names.lane(queue, lane))).messageCount;
      return ready;
    });
  }

  #forget(): void {
    this.#unsettledTags = new UnsettledTags();
    this.#syncNext = undefined;
    this.#waiting = [];
    this.#tags = [];
    this.#lanes.clear();
    this.#opened = 0;
    this.#unsettled.fill(0);
  }
}

function comesBefore(left: Entry, right: Entry): boolean {
  return left.lane === right.lane ? left.order < right.order : left.lane < right.lane;
}
