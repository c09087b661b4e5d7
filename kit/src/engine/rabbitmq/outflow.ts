import { AmqpError, type Outgoing, type Publisher, PublishUnknownError } from "../../drivers/amqp/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { ChangeError } from "../errors.ts";
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
    await this.ready(to);
    await this.#publish(to, message);
  }

  #publish(to: Destination, message: ReturnType<typeof enclose>): Promise<void> {
    return this.#declaredAgain(
      to.queue,
      () => this.ready(to),
      () => this.#publisher.publish({ ...this.#placeOf(to), ...message }),
    );
  }

  /** Sends them together, once their queue is {@link ready}. What is wrong with one of them, or with the broker, is found out before the first one is sent where it can be. Where some were taken
   *  and others not, or nobody knows, it rejects with PublishUnknownError. */
  async sendAll(messages: readonly { readonly to: Destination; readonly carried: Carried }[]): Promise<void> {
    const [first] = messages;
    if (first !== undefined && messages.length === 1) return this.#publish(first.to, enclose(first.carried));
    const enclosed = messages.map(({ to, carried }) => ({ to, message: enclose(carried) }));
    // From here to the last one that is sent nothing else comes in between.
    const { unconfirmed, unconfirmedMax } = this.#publisher;
    if (enclosed.length > unconfirmedMax)
      throw new ChangeError(
        `${enclosed.length} messages at once are above unconfirmedMax (${unconfirmedMax}): part them`,
      );
    if (unconfirmed + enclosed.length > unconfirmedMax)
      throw new AmqpError("busy", `${unconfirmed} messages are not confirmed yet (option unconfirmedMax)`);
    const ends = await Promise.allSettled(enclosed.map(({ to, message }) => this.#publish(to, message)));
    const failed = ends.filter((end) => end.status === "rejected").map(({ reason }): unknown => reason);
    if (failed.length === 0) return;
    const unknown = failed.find((error) => error instanceof PublishUnknownError);
    if (unknown !== undefined) throw unknown;
    throw failed.length === ends.length ? failed[0] : partly(ends.length - failed.length, failed);
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

/** Of messages that were sent together some were taken, for certain, and the others not. */
function partly(taken: number, failed: readonly unknown[]): PublishUnknownError {
  const text = `${taken} messages of one enqueue were taken, and ${failed.length} were not`;
  return new PublishUnknownError({ cause: failed[0] }, text);
}
