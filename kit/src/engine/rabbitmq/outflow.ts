import { AmqpError, type Outgoing, type Publisher } from "../../drivers/amqp/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { type Carried, enclose } from "./envelope.ts";
import { rungOf } from "./ladder.ts";
import type { Names } from "./names.ts";
import type { Topology } from "./topology.ts";

/** Where a message goes, and when it is due there. */
export interface Destination {
  readonly queue: string;
  readonly lane: number;
  readonly delayMs: number;
}

/** Publishes messages into queues, with confirmations; declares what is missing. */
export class Outflow implements AsyncDisposable {
  readonly #publisher: Publisher;
  readonly #topology: Topology;
  readonly #names: Names;
  readonly #clock: Clock;

  constructor(parts: {
    readonly publisher: Publisher;
    readonly topology: Topology;
    readonly names: Names;
    readonly clock: Clock;
  }) {
    this.#publisher = parts.publisher;
    this.#topology = parts.topology;
    this.#names = parts.names;
    this.#clock = parts.clock;
  }

  /** Declares the queue, so that {@link send} can publish at once. */
  async ready({ queue, delayMs }: Pick<Destination, "queue" | "delayMs">): Promise<void> {
    await (delayMs > 0 ? this.#topology.delaysOf(queue) : this.#topology.lanesOf(queue));
  }

  async send(to: Destination, carried: Carried): Promise<void> {
    const message = enclose(carried);
    const ready = (): Promise<void> => this.ready(to);
    await ready();
    await this.#declaredAgain(to.queue, ready, () => this.#publisher.publish({ ...this.#placeOf(to), ...message }));
  }

  async bury(queue: string, carried: Carried, reason: string): Promise<void> {
    const message = enclose(carried, { reason, diedAtMs: this.#clock.now() });
    const ready = (): Promise<void> => this.#topology.deadOf(queue);
    await ready();
    const to = { exchange: "", routingKey: this.#names.dead(queue) };
    await this.#declaredAgain(queue, ready, () => this.#publisher.publish({ ...to, ...message }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
  }

  #placeOf({ queue, lane, delayMs }: Destination): Pick<Outgoing, "exchange" | "routingKey"> {
    if (delayMs <= 0) return { exchange: "", routingKey: this.#names.lane(queue, lane) };
    return rungOf(this.#names, delayMs, this.#names.address(queue, lane));
  }

  /** Somebody deleted the queue: it is made again, once. */
  async #declaredAgain(queue: string, ready: () => Promise<void>, publish: () => Promise<void>): Promise<void> {
    try {
      await publish();
    } catch (error) {
      if (!(error instanceof AmqpError) || error.reason !== "missing") throw error;
      this.#topology.forget(queue);
      await ready();
      await publish();
    }
  }
}
