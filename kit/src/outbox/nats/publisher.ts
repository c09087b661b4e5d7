import { createStream, type NatsConnection, publish } from "../../drivers/nats/mod.ts";
import { ConfigError, DisposedError, integerIn } from "../../errors/mod.ts";
import type { OutgoingEvent, Publisher } from "../publisher.ts";

/** Which stream takes the events, and how much it keeps where this process makes it. */
export interface NatsPublisherOptions {
  /** Name of the stream, letters, digits and `-_`, up to 64. Default "events". Its subjects are `NAME.>`. */
  readonly stream?: string;
  /** Copies, 1 to 5. Default 1. */
  readonly replicas?: number;
  /** Largest size; the oldest events give way. 1 MiB or more, default 1 GiB. */
  readonly bytesMax?: number;
  /** How long events stay, in milliseconds. 1,000 or more, default 7 days. */
  readonly ageMaxMs?: number;
  /** How long the server drops a repeated event, in milliseconds. 1,000 or more, default 10 minutes; not longer than events stay. */
  readonly idsForMs?: number;
}

const dayMs = 86_400_000;

/**
 * Publishes events into a stream of JetStream as `NAME.LOG.STREAM`, with the payload as data and everything else in headers. The names of log and stream are
 * written with `%XX` where a subject cannot hold a character. The connection stays the caller's to close. Throws ConfigError, NatsError.
 */
export async function openNatsPublisher(
  connection: NatsConnection,
  options: NatsPublisherOptions = {},
): Promise<Publisher> {
  const stream = streamName(options.stream ?? "events");
  const ageMaxMs = integerIn("ageMaxMs", options.ageMaxMs ?? 7 * dayMs, { min: 1_000 });
  await createStream(connection, {
    name: stream,
    subjects: [`${stream}.>`],
    replicas: integerIn("replicas", options.replicas ?? 1, { min: 1, max: 5 }),
    bytesMax: integerIn("bytesMax", options.bytesMax ?? 1_073_741_824, { min: 1_048_576 }),
    ageMaxMs,
    idsForMs: integerIn("idsForMs", options.idsForMs ?? Math.min(600_000, ageMaxMs), { min: 1_000, max: ageMaxMs }),
    whenFull: "oldest",
  });
  return new NatsPublisher(connection, stream);
}

class NatsPublisher implements Publisher {
  readonly name: string;
  readonly #connection: NatsConnection;
  readonly #stream: string;
  #isDisposed = false;

  constructor(connection: NatsConnection, stream: string) {
    this.name = `nats ${stream}`;
    this.#connection = connection;
    this.#stream = stream;
  }

  async publish(event: OutgoingEvent, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    if (this.#isDisposed) throw new DisposedError("the NATS publisher");
    options?.signal?.throwIfAborted();
    const { id, log, stream, data } = event;
    const subject = `${this.#stream}.${word(log)}.${word(stream)}`;
    await publish(this.#connection, { subject, data, id, headers: headersOf(event) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
  }
}

/** One line each, in ASCII: names and metadata are written as in a URL. */
function headersOf(event: OutgoingEvent): Readonly<Record<string, string>> {
  const { log, stream, version, position, type, meta, recordedAtMs } = event;
  return {
    "Event-Log": encodeURIComponent(log),
    "Event-Stream": encodeURIComponent(stream),
    "Event-Version": String(version),
    "Event-Position": String(position),
    "Event-Type": encodeURIComponent(type),
    "Event-Time": String(recordedAtMs),
    ...(meta === undefined ? {} : { "Event-Meta": encodeURIComponent(meta) }),
  };
}

/** A name as one word of a subject: what is not a letter, a digit or `-_` is written as `%XX`, and so is nothing else. */
function word(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /[.*!'()~]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function streamName(name: unknown): string {
  if (typeof name === "string" && /^[\w-]{1,64}$/.test(name)) return name;
  throw new ConfigError("stream", name, "1 to 64 letters, digits and -_");
}
