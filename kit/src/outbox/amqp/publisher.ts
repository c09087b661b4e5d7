import { fingerprint } from "../../codec/mod.ts";
import {
  type AmqpBroker,
  AmqpError,
  type OpenChannel,
  type Publisher as AmqpPublisher,
  PublishUnknownError,
} from "../../drivers/amqp/mod.ts";
import { ConfigError, DisposedError, oneOf } from "../../errors/mod.ts";
import type { OutgoingEvent, Publisher } from "../publisher.ts";

/** Which exchange takes the events, and which queues are made for them. */
export interface AmqpPublisherOptions {
  /** Name of the topic exchange, letters, digits and `-_.`, up to 64. Default "events". */
  readonly exchange?: string;
  /** Queues that are declared (durable, quorum) and bound before anything is published, so that nothing is missed until their consumers come. */
  readonly queues?: readonly { readonly name: string; readonly pattern: string }[];
  /** An event that no queue takes: dropped by the broker (default), or a fault that parks its stream. */
  readonly unrouted?: "drop" | "fail";
}

/**
 * Publishes events to a topic exchange of RabbitMQ as `LOG.STREAM`, confirmed, with the payload as body, the event's id as message id and everything else in
 * headers. The broker stays the caller's to close. Throws ConfigError, AmqpError.
 */
export async function openAmqpPublisher(broker: AmqpBroker, options: AmqpPublisherOptions = {}): Promise<Publisher> {
  const { exchange = "events", queues = [] } = options;
  if (!/^[\w.-]{1,64}$/.test(exchange))
    throw new ConfigError("exchange", exchange, "1 to 64 letters, digits, hyphens, underscores and dots");
  const unrouted = oneOf("unrouted", options.unrouted ?? "drop", ["drop", "fail"]);
  const prepare = async ({ wire }: Pick<OpenChannel, "wire">): Promise<void> => {
    await wire.assertExchange(exchange, "topic", { durable: true });
    for (const { name, pattern } of queues) {
      await wire.assertQueue(name, { durable: true, arguments: { "x-queue-type": "quorum" } });
      await wire.bindQueue(name, exchange, pattern);
    }
  };
  await broker.ask("declaring the exchange of events", (wire) => prepare({ wire }));
  return new EventPublisher({ publisher: broker.publisher(prepare), exchange, unrouted });
}

interface Parts {
  readonly publisher: AmqpPublisher;
  readonly exchange: string;
  readonly unrouted: "drop" | "fail";
}

class EventPublisher implements Publisher {
  readonly name: string;
  readonly #parts: Parts;
  #isDisposed = false;

  constructor(parts: Parts) {
    this.name = `rabbitmq ${parts.exchange}`;
    this.#parts = parts;
  }

  async publish(event: OutgoingEvent, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    if (this.#isDisposed) throw new DisposedError("the RabbitMQ publisher");
    options?.signal?.throwIfAborted();
    const { publisher, exchange, unrouted } = this.#parts;
    const { id: messageId, data: content, type } = event;
    const message = {
      messageId,
      content,
      type: short(type),
      headers: headersOf(event),
      contentType: "application/json",
    };
    try {
      await publisher.publish({ exchange, routingKey: keyOf(event), unrouted, ...message });
    } catch (error) {
      if (!(error instanceof PublishUnknownError)) throw error;
      // It comes again with the same id, by which consumers know it.
      throw new AmqpError("connection", `event ${messageId} may have been taken: ${error.message}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#parts.publisher[Symbol.asyncDispose]();
  }
}

/** A routing key and a short text of AMQP have 255 bytes. */
const wordBytesMax = 120;

function keyOf({ log, stream }: OutgoingEvent): string {
  return `${word(log)}.${word(stream)}`;
}

/** Every character that is not a letter, a digit, `-` or `_` as `%XX`, so that a name is one word; one that is too long as its fingerprint. */
function word(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll(
    /[.!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return encoded.length <= wordBytesMax ? encoded : fingerprint(name);
}

function short(text: string): string {
  return Buffer.byteLength(text) <= 255 ? text : fingerprint(text);
}

function headersOf(event: OutgoingEvent): Readonly<Record<string, string>> {
  const { log, stream, version, position, type, meta, recordedAtMs } = event;
  return {
    "event-log": log,
    "event-stream": stream,
    "event-version": String(version),
    "event-position": String(position),
    "event-type": type,
    "event-time": String(recordedAtMs),
    ...(meta === undefined ? {} : { "event-meta": meta }),
  };
}
