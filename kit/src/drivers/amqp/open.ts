import { DisposedError } from "../../errors/mod.ts";
import { Consumer, type ConsumerEvents } from "./consumer.ts";
import { Link } from "./link.ts";
import { type AmqpOptions, type ResolvedAmqp, resolveAmqp } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { type Prepare, SteadyChannel } from "./steady-channel.ts";
import type { WireMessage } from "./wire-client.ts";

/** What the broker says of itself. */
export interface BrokerFacts {
  readonly product: string;
  readonly version: string;
  readonly cluster: string;
}

/** Whether the broker answers, how fast, and whether it takes messages. */
export interface AmqpHealth {
  /** `blocked`: it answers, and an alarm keeps it from taking messages. */
  readonly status: "up" | "blocked" | "down";
  readonly latencyMs: number | undefined;
  readonly unconfirmed: number;
  /** Why it is not up. */
  readonly reason: string | undefined;
}

/** One RabbitMQ broker, opened. It has a connection to publish on and another one to consume on: the broker stops reading from those who publish
 *  while an alarm lasts, and settlements must not stand behind that. */
export interface AmqpBroker extends AsyncDisposable {
  readonly facts: BrokerFacts;
  /** Publishes with confirmations; `prepare` declares what it needs, again on every new channel. */
  publisher(prepare?: Prepare): Publisher;
  /** Keeps consumers, which `prepare` starts, across lost connections. */
  consumer(prepare: Prepare, events?: ConsumerEvents): Consumer;
  /** A channel on the consuming connection for whoever looks after it himself. `late` is told of what came behind the cancellation of its consumer. */
  channel(prepare?: Prepare, late?: (message: WireMessage) => void): SteadyChannel;
  /** Asks on a channel of its own: what the broker refuses closes no other. */
  ask<T>(doing: string, work: Parameters<typeof SteadyChannel.prototype.ask<T>>[1]): Promise<T>;
  health(): Promise<AmqpHealth>;
}

/** Connects. Throws ConfigError, UnsupportedError (no client library), AmqpError. */
export async function openAmqp(options: AmqpOptions): Promise<AmqpBroker> {
  const resolved = resolveAmqp(options);
  const link = new Link(resolved);
  try {
    const { wire } = await link.get();
    return new Broker(resolved, link, factsOf(wire.connection.serverProperties));
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

const nothing: Prepare = async () => undefined;

class Broker implements AmqpBroker {
  readonly facts: BrokerFacts;
  readonly #options: ResolvedAmqp;
  readonly #consuming: Link;
  readonly #publishing: Link;
  readonly #publishers = new Set<Publisher>();
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedAmqp, consuming: Link, facts: BrokerFacts) {
    this.facts = facts;
    this.#options = options;
    this.#consuming = consuming;
    this.#publishing = new Link(options);
  }

  publisher(prepare: Prepare = nothing): Publisher {
    this.#refuseWhenDisposed();
    const publisher = new Publisher(this.#options, {
      openChannel: (hear) => {
        const prepareAll: Prepare = async (channel) => {
          await hear(channel);
          await prepare(channel);
        };
        return new SteadyChannel(this.#publishing, this.#options, { kind: "confirm", prepare: prepareAll });
      },
      closed: (closed) => void this.#publishers.delete(closed),
    });
    this.#publishers.add(publisher);
    return publisher;
  }

  consumer(prepare: Prepare, events: ConsumerEvents = {}): Consumer {
    return new Consumer(this.#options, this.channel(prepare), events);
  }

  channel(prepare: Prepare = nothing, late?: (message: WireMessage) => void): SteadyChannel {
    this.#refuseWhenDisposed();
    return new SteadyChannel(this.#consuming, this.#options, { kind: "plain", prepare, late });
  }

  async ask<T>(doing: string, work: Parameters<typeof SteadyChannel.prototype.ask<T>>[1]): Promise<T> {
    await using channel = this.channel();
    return await channel.ask(doing, work);
  }

  async health(): Promise<AmqpHealth> {
    const { clock } = this.#options;
    const startedMs = clock.monotonic();
    const unconfirmed = [...this.#publishers].reduce((sum, publisher) => sum + publisher.unconfirmed, 0);
    try {
      await this.ask("asking for life", (wire) => wire.prefetch(1));
      const reason = this.#publishing.blocked;
      const latencyMs = clock.monotonic() - startedMs;
      return { status: reason === undefined ? "up" : "blocked", latencyMs, unconfirmed, reason };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { status: "down", latencyMs: undefined, unconfirmed, reason };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#publishing[Symbol.asyncDispose](), this.#consuming[Symbol.asyncDispose]()]);
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the RabbitMQ broker");
  }
}

function factsOf(properties: Readonly<Record<string, unknown>>): BrokerFacts {
  const text = (name: string): string => {
    const value = properties[name];
    return typeof value === "string" ? value : "";
  };
  return { product: text("product"), version: text("version"), cluster: text("cluster_name") };
}
