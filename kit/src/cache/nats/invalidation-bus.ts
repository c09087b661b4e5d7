import {
  createStream,
  type Delivered,
  follow,
  type Followed,
  type NatsConnection,
  NatsError,
  publish,
  streamFacts,
} from "../../drivers/nats/mod.ts";
import { ConfigError, integerIn } from "../../errors/mod.ts";
import { messageOf } from "../bus-text.ts";
import type { BusListener, BusMessage, BusSubscription, InvalidationBus } from "../invalidation-bus.ts";

/** Options of {@link natsBus}. */
export interface NatsBusOptions {
  /** Name of the stream, which is made when absent: letters, digits and `-_`, up to 64. Default "cache-changes". */
  readonly stream?: string;
  /** Copies of the stream where this process makes it, 1 to 5. Default 1. */
  readonly replicas?: number;
}

/**
 * A channel on a small stream of JetStream; the connection stays the caller's to close. The stream keeps the last messages for an hour at most, so a
 * listener whose connection was lost for a while hears them later; who was away for longer sees a gap. Throws ConfigError.
 */
export function natsBus(connection: NatsConnection, options: NatsBusOptions = {}): InvalidationBus {
  const replicas = integerIn("replicas", options.replicas ?? 1, { min: 1, max: 5 });
  return new NatsBus(connection, streamName(options.stream ?? "cache-changes"), replicas);
}

const messagesMax = 1_000;
const bytesMax = 4_194_304;
const hourMs = 3_600_000;
const retryMs = 1_000;

/** A stream in its present life: numbers of another life are smaller or larger, and never the next ones. */
interface Era {
  /** Number before the first message. */
  readonly base: number;
  readonly lastSequence: number;
}

class NatsBus implements InvalidationBus {
  readonly #connection: NatsConnection;
  readonly #stream: string;
  readonly #replicas: number;
  #base: number | undefined;

  constructor(connection: NatsConnection, stream: string, replicas: number) {
    this.#connection = connection;
    this.#stream = stream;
    this.#replicas = replicas;
  }

  async publish(message: BusMessage): Promise<number> {
    const base = this.#base ?? (await this.#era()).base;
    const publication = { subject: `${this.#stream}.changes`, data: JSON.stringify(message) };
    try {
      return base + (await publish(this.#connection, publication)).sequence;
    } catch (error) {
      // Nobody answers for a stream that was removed: it is made again.
      if (!isGone(error)) throw error;
    }
    const era = await this.#era();
    return era.base + (await publish(this.#connection, publication)).sequence;
  }

  async subscribe(listener: BusListener): Promise<BusSubscription> {
    const era = await this.#era();
    const listening = new Listening(listener, () => this.#era());
    await listening.begin(this.#connection, this.#stream, era);
    return listening;
  }

  async latest(): Promise<number> {
    const { base, lastSequence } = await this.#era();
    return base + lastSequence;
  }

  /** The stream as it is, or a new one. */
  async #era(): Promise<Era> {
    const { createdMs, lastSequence } = await this.#facts();
    // Microseconds: no channel sends as many messages as would reach into its next life.
    this.#base = createdMs * 1_000;
    return { base: this.#base, lastSequence };
  }

  async #facts() {
    try {
      return await streamFacts(this.#connection, this.#stream);
    } catch (error) {
      if (!(error instanceof NatsError) || error.reason !== "missing") throw error;
    }
    return await createStream(this.#connection, {
      name: this.#stream,
      subjects: [`${this.#stream}.changes`],
      replicas: this.#replicas,
      bytesMax,
      messagesMax,
      ageMaxMs: hourMs,
      whenFull: "oldest",
      idsForMs: 1_000,
    });
  }
}

/** Follows the channel through the lives of its stream. */
class Listening implements BusSubscription {
  readonly #listener: BusListener;
  readonly #nextEra: () => Promise<Era>;
  readonly #closing = new AbortController();
  #sequence = 0;
  #followed: Followed | undefined;
  #resuming: Promise<void> | undefined;

  constructor(listener: BusListener, nextEra: () => Promise<Era>) {
    this.#listener = listener;
    this.#nextEra = nextEra;
  }

  get sequence(): number {
    return this.#sequence;
  }

  async begin(connection: NatsConnection, stream: string, era: Era): Promise<void> {
    this.#sequence = era.base + era.lastSequence;
    await this.#follow({ connection, stream, base: era.base, after: era.lastSequence });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#resuming;
    await this.#followed?.[Symbol.asyncDispose]();
    this.#followed = undefined;
  }

  async #follow({ connection, stream, base, after }: Place): Promise<void> {
    this.#followed = await follow(connection, {
      stream,
      after,
      follower: {
        message: (message) => this.#hear(message, base),
        failed: () => void (this.#resuming = this.#resume(connection, stream)),
      },
    });
  }

  /** The stream is gone: in its next life everything is heard, with numbers that show the gap. */
  async #resume(connection: NatsConnection, stream: string): Promise<void> {
    const { signal } = this.#closing;
    await this.#followed?.[Symbol.asyncDispose]();
    while (!signal.aborted) {
      try {
        const { base } = await this.#nextEra();
        return await this.#follow({ connection, stream, base, after: 0 });
      } catch {
        // The cache asks for the latest number by itself, and shows that fault.
        await connection.clock.sleep(retryMs, { signal }).catch(() => undefined);
      }
    }
  }

  #hear({ data, sequence }: Delivered, base: number): void {
    if (this.#closing.signal.aborted) return;
    const message = messageOf(decoder.decode(data));
    // Somebody else's words: their number will be missed, and that is right.
    if (message !== undefined) this.#listener(message, base + sequence);
  }
}

interface Place {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly base: number;
  readonly after: number;
}

function isGone(error: unknown): boolean {
  return error instanceof NatsError && (error.reason === "missing" || error.reason === "unavailable");
}

const decoder = new TextDecoder();

function streamName(name: unknown): string {
  if (typeof name === "string" && /^[\w-]{1,64}$/.test(name)) return name;
  throw new ConfigError("stream", name, "1 to 64 letters, digits and -_");
}
