import type { Timer } from "../../clock/mod.ts";
import { turnoverMap } from "../../collections/mod.ts";
import { AmqpError, amqpError, PublishUnknownError } from "./amqp-error.ts";
import type { ResolvedAmqp } from "./options.ts";
import type { OpenChannel, SteadyChannel } from "./steady-channel.ts";
import type { MessageProperties, PublishShape } from "./wire-client.ts";

/** A message on its way to the broker. */
export interface Outgoing extends MessageProperties {
  /** Empty: the exchange that knows every queue by its name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: string | Uint8Array;
  /** Default "yes": the broker keeps it on its disk, in queues that are durable. */
  readonly durable?: "yes" | "no";
  /** What becomes of it when no queue takes it. Default "fail": AmqpError `missing`. */
  readonly unrouted?: "fail" | "drop";
}

/** What a publisher stands on. */
export interface PublisherParts {
  /** `hear` is called with each new life of the channel, before anything is published on it. */
  readonly openChannel: (hear: (channel: OpenChannel) => Promise<void>) => SteadyChannel;
  readonly closed: (publisher: Publisher) => void;
}

const markHeader = "x-ashlar-mark";

/** By what a message is known when it is returned: its own id, or a number among its headers. */
type Mark = string | number;

/** Publishes with confirmations, at most `unconfirmedMax` at a time. */
export class Publisher implements AsyncDisposable {
  readonly #channel: SteadyChannel;
  readonly #options: ResolvedAmqp;
  readonly #closed: (publisher: Publisher) => void;
  /** Ids of messages that are not confirmed yet, and known by them. */
  readonly #ids = turnoverMap<string, true>();
  readonly #returned = new Set<Mark>();
  #waiting = 0;
  #unconfirmed = 0;
  #sent = 0;
  #confirmed = 0;
  #watch: Timer | undefined;

  constructor(options: ResolvedAmqp, parts: PublisherParts) {
    this.#options = options;
    this.#closed = parts.closed;
    this.#channel = parts.openChannel(async ({ wire }) => {
      this.#returned.clear();
      wire.on("return", ({ properties: { messageId, headers } }) => {
        const mark = headers?.[markHeader];
        this.#returned.add(mark === undefined ? String(messageId) : Number(mark));
      });
    });
  }

  /** Messages that are sent and not confirmed yet. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  get unconfirmedMax(): number {
    return this.#options.unconfirmedMax;
  }

  /** Why the broker takes no messages at the moment. */
  get blocked(): string | undefined {
    return this.#channel.blocked;
  }

  /** Resolves once the broker has taken the message (durable queues: synced to disk, quorum queues: by a majority). Messages are sent in the order
   *  of the calls. Rejects with AmqpError (then it was not taken) and PublishUnknownError (taken or not). */
  publish(message: Outgoing): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#unconfirmed++;
    const ready = this.#waiting === 0 ? this.#channel.ready : undefined;
    return ready === undefined ? this.#sendLater(message) : this.#send(ready, message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.cancel();
    await this.#channel[Symbol.asyncDispose]();
    this.#closed(this);
  }

  #refusal(): AmqpError | undefined {
    const { unconfirmedMax } = this.#options;
    const { blocked } = this;
    if (blocked !== undefined)
      return new AmqpError(
        blocked.includes("disk") ? "full" : "blocked",
        `RabbitMQ takes no messages at the moment: ${blocked}`,
      );
    if (this.#unconfirmed < unconfirmedMax) return undefined;
    return new AmqpError("busy", `${unconfirmedMax} messages are not confirmed yet (option unconfirmedMax)`);
  }

  /** Those who wait are served in their order, before those who come later. */
  async #sendLater(message: Outgoing): Promise<void> {
    this.#waiting++;
    let ready: OpenChannel;
    try {
      ready = await this.#channel.get();
    } catch (error) {
      this.#unconfirmed--;
      throw error;
    } finally {
      this.#waiting--;
    }
    await this.#send(ready, message);
  }

  #send({ wire, ended }: OpenChannel, message: Outgoing): Promise<void> {
    const { exchange, routingKey } = message;
    const mark = this.#markOf(message);
    return new Promise((resolve, reject) => {
      const confirmed = (error: unknown): void => {
        this.#confirmed++;
        this.#over(mark);
        const isReturned = this.#returned.size > 0 && this.#returned.delete(mark);
        if (error !== null) reject(unconfirmedError(error, ended));
        else if (isReturned) reject(unroutedError(exchange, routingKey));
        else resolve();
      };
      try {
        wire.publish(exchange, routingKey, message.content, shapeOf(message, mark), confirmed);
        this.#watchProgress();
      } catch (thrown) {
        this.#over(mark);
        reject(ended.aborted ? amqpError(thrown, "publishing") : malformedError(thrown));
      }
    });
  }

  #over(mark: Mark): void {
    this.#unconfirmed--;
    if (typeof mark === "string") this.#ids.delete(mark);
  }

  /** The broker returns what it cannot route before it confirms it, and tells it by nothing but itself. */
  #markOf({ messageId, headers }: MessageProperties): Mark {
    // Two with one id, and one that carries the mark of an earlier life, are told apart by a number.
    if (messageId === undefined || this.#ids.has(messageId) || headers?.[markHeader] !== undefined) return ++this.#sent;
    this.#ids.set(messageId, true);
    return messageId;
  }

  /** A broker that confirms nothing for `answerMaxMs` is taken for lost. */
  #watchProgress(): void {
    if (this.#watch !== undefined) return;
    const seen = this.#confirmed;
    this.#watch = this.#options.clock.setTimer(
      this.#options.answerMaxMs,
      () => {
        this.#watch = undefined;
        if (this.#unconfirmed === 0) return;
        if (seen === this.#confirmed) this.#channel.dropConnection();
        else this.#watchProgress();
      },
      { holdsProcess: "no" },
    );
  }
}

function unconfirmedError(error: unknown, ended: AbortSignal): Error {
  if (error instanceof Error && error.message === "message nacked")
    return new AmqpError("refused", "RabbitMQ did not take the message: the queue is at its limit, or has no leader");
  return new PublishUnknownError({ cause: ended.aborted ? ended.reason : error });
}

/** Field by field: every message comes through here, and objects that are copied in part cost it as much as a promise. */
function shapeOf(message: Outgoing, mark: Mark): PublishShape {
  const { messageId, correlationId, replyTo, contentType, type, timestamp, headers, durable, unrouted } = message;
  const mandatory = unrouted !== "drop";
  return {
    messageId,
    correlationId,
    replyTo,
    contentType,
    type,
    timestamp,
    headers: mandatory && typeof mark === "number" ? { ...headers, [markHeader]: mark } : headers,
    mandatory,
    persistent: durable !== "no",
  };
}

function malformedError(thrown: unknown): AmqpError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new AmqpError("other", `the message cannot be sent: ${text}`, { cause: thrown });
}

function unroutedError(exchange: string, routingKey: string): AmqpError {
  const where = exchange === "" ? `there is no queue "${routingKey}"` : `exchange "${exchange}", key "${routingKey}"`;
  return new AmqpError("missing", `no queue takes the message: ${where}`);
}
