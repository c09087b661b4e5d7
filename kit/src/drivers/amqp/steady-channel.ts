import { abortable, signalAfter } from "../../abort/mod.ts";
import { DisposedError } from "../../errors/mod.ts";
import { AmqpError, amqpError } from "./amqp-error.ts";
import type { Life, Link } from "./link.ts";
import type { ResolvedAmqp } from "./options.ts";
import type { WireChannel, WireMessage } from "./wire-client.ts";

/** What a channel needs each time it is opened: its queues, exchanges, bindings, consumers. */
export type Prepare = (channel: OpenChannel) => Promise<void>;

/** What a channel is for. */
export interface ChannelPlan {
  readonly kind: "plain" | "confirm";
  readonly prepare: Prepare;
  /** Told of a delivery that came after its consumer was cancelled; it is not settled. Default: it stays unsettled. */
  readonly late?: ((message: WireMessage) => void) | undefined;
}

/** One life of a channel. Delivery tags count in it alone. */
export interface OpenChannel {
  readonly wire: WireChannel;
  /** Rises with every life of the channel in this process. */
  readonly epoch: number;
  /** Aborted, with the reason, when the channel is closed or lost. */
  readonly ended: AbortSignal;
}

/** A channel that is opened again, and prepared anew, when it or its connection was lost. */
export class SteadyChannel implements AsyncDisposable {
  readonly #link: Link;
  readonly #options: ResolvedAmqp;
  readonly #plan: ChannelPlan;
  #epoch = 0;
  #open: OpenChannel | undefined;
  #opening: Promise<OpenChannel> | undefined;
  #isDisposed = false;

  constructor(link: Link, options: ResolvedAmqp, plan: ChannelPlan) {
    this.#link = link;
    this.#options = options;
    this.#plan = plan;
  }

  /** The channel when it is open now. */
  get ready(): OpenChannel | undefined {
    return this.#open?.ended.aborted === false ? this.#open : undefined;
  }

  /** Why the broker takes no messages on this connection at the moment. */
  get blocked(): string | undefined {
    return this.#link.blocked;
  }

  /** The open channel, or a new one. Rejects with AmqpError, DisposedError, and what `prepare` throws. */
  get(): Promise<OpenChannel> {
    const { ready } = this;
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#isDisposed) return Promise.reject(new DisposedError("the channel"));
    this.#opening ??= this.#openAnew().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Runs a call that waits for the broker's answer. After `answerMaxMs` without one the connection is given up. */
  async ask<T>(doing: string, work: (wire: WireChannel) => Promise<T>): Promise<T> {
    const { wire } = await this.get();
    return this.#answered(doing, work(wire));
  }

  /** Gives up the whole connection: what it carries may be anywhere. */
  dropConnection(): void {
    this.#link.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#opening?.catch(() => undefined);
    const { ready } = this;
    if (ready === undefined) return;
    // When the connection goes meanwhile, the library never answers.
    await this.#answered("closing a channel", abortable(ready.wire.close(), ready.ended)).catch(() => undefined);
  }

  async #openAnew(): Promise<OpenChannel> {
    const life = await this.#link.get();
    const doing = "opening a channel";
    const wire = await this.#answered(doing, this.#create(life));
    guardDeliveries(wire, this.#plan.late);
    const channel = { wire, epoch: ++this.#epoch, ended: endOf(wire) };
    try {
      await this.#answered("declaring queues and exchanges", this.#plan.prepare(channel));
    } catch (error) {
      if (!channel.ended.aborted) await wire.close().catch(() => undefined);
      throw error;
    }
    // It may have been closed while it was prepared.
    channel.ended.throwIfAborted();
    this.#open = channel;
    return channel;
  }

  #create({ wire }: Life): Promise<WireChannel> {
    return this.#plan.kind === "confirm" ? wire.createConfirmChannel() : wire.createChannel();
  }

  async #answered<T>(doing: string, work: Promise<T>): Promise<T> {
    const { clock, answerMaxMs } = this.#options;
    const late = (): AmqpError => new AmqpError("connection", `${doing}: no answer within ${answerMaxMs} ms`);
    using limit = signalAfter(clock, answerMaxMs, late);
    try {
      return await abortable(work, limit.signal);
    } catch (thrown) {
      if (limit.signal.aborted) this.#link.drop();
      throw amqpError(thrown, doing);
    }
  }
}

function endOf(wire: WireChannel): AbortSignal {
  const ended = new AbortController();
  wire.on("error", (error) => ended.abort(amqpError(error, "a channel of RabbitMQ")));
  wire.on("close", () => ended.abort(new AmqpError("connection", "the channel was closed, or its connection lost")));
  return ended.signal;
}

/** The library throws for a delivery whose consumer has just been cancelled, which would end the connection. */
function guardDeliveries(wire: WireChannel, late: ChannelPlan["late"]): void {
  const listeners = wire.listeners("delivery") as readonly ((message: WireMessage) => void)[];
  wire.removeAllListeners("delivery");
  wire.on("delivery", (message) => {
    try {
      for (const listener of listeners) listener.call(wire, message);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("Unknown consumer")) throw error;
      late?.(message);
    }
  });
}
