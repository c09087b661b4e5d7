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

/** A message and where it goes. */
export interface Parcel {
  readonly to: Destination;
  readonly carried: Carried;
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
  ready({ queue, delayMs }: Pick<Destination, "queue" | "delayMs">): Promise<void> {
    return delayMs > 0 ? this.#topology.delaysOf(queue) : this.#topology.lanesOf(queue);
  }

  async send(to: Destination, carried: Carried): Promise<void> {
    const message = enclose(carried);
    await this.ready(to);
    await this.#publish(to, message);
  }

  async #publish(to: Destination, enclosed: ReturnType<typeof enclose>): Promise<void> {
    const { exchange, routingKey } = this.#placeOf(to);
    const { content, messageId, headers, type } = enclosed;
    const message = { exchange, routingKey, content, messageId, headers, type };
    try {
      await this.#publisher.publish(message);
    } catch (error) {
      this.#forgetMissing(to.queue, error);
      await this.ready(to);
      await this.#publisher.publish(message);
    }
  }

  /** Sends them together, once their queue is {@link ready}. What is wrong with one of them, or with the broker, is found out before the first one is sent where it can be. Where some were taken
   *  and others not, or nobody knows, it rejects with PublishUnknownError. */
  sendAll(messages: readonly Parcel[]): Promise<void> {
    const [first] = messages;
    // Nearly all come alone: each further promise costs as much as the rest.
    return first !== undefined && messages.length === 1
      ? this.#publish(first.to, enclose(first.carried))
      : this.#sendSeveral(messages);
  }

  async #sendSeveral(messages: readonly Parcel[]): Promise<void> {
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
    const outgoing = { exchange: "", routingKey: this.#names.dead(queue), ...message };
    await this.#topology.deadOf(queue);
    try {
      await this.#publisher.publish(outgoing);
    } catch (error) {
      this.#forgetMissing(queue, error);
      await this.#topology.deadOf(queue);
      await this.#publisher.publish(outgoing);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
  }

  #placeOf({ queue, lane, delayMs }: Destination): Pick<Outgoing, "exchange" | "routingKey"> {
    if (delayMs <= 0) return { exchange: "", routingKey: this.#names.lane(queue, lane) };
    return rungOf(this.#names, delayMs, this.#names.address(queue, lane));
  }

  /** Somebody deleted the queue: it is made again, once. Throws whatever else it was. */
  #forgetMissing(queue: string, error: unknown): void {
    if (!(error instanceof AmqpError) || error.reason !== "missing") throw error;
    this.#topology.forget(queue);
  }
}

/** Of messages that were sent together some were taken, for certain, and the others not. */
function partly(taken: number, failed: readonly unknown[]): PublishUnknownError {
  const text = `${taken} messages of one enqueue were taken, and ${failed.length} were not`;
  return new PublishUnknownError({ cause: failed[0] }, text);
}
