import { DisposedError } from "../../errors/mod.ts";
import { amqpError, isLost } from "./amqp-error.ts";
import { connectClient } from "./client-system.ts";
import type { ResolvedAmqp } from "./options.ts";
import type { WireConnection } from "./wire-client.ts";

const firstPauseMs = 25;
const pauseMaxMs = 1_000;

/** One life of the connection. */
export interface Life {
  readonly wire: WireConnection;
  /** Aborted when the connection is lost or closed. */
  readonly ended: AbortSignal;
}

/** One connection that is made again, for whoever asks, when it was lost. */
export class Link implements AsyncDisposable {
  readonly #options: ResolvedAmqp;
  readonly #closing = new AbortController();
  #life: Life | undefined;
  #connecting: Promise<Life> | undefined;
  #blocked: string | undefined;

  constructor(options: ResolvedAmqp) {
    this.#options = options;
  }

  /** Why the broker takes no messages on this connection at the moment. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  get isOpen(): boolean {
    return this.#life?.ended.aborted === false;
  }

  /** The connection, or a new one within `connectMaxMs`; callers share the attempt. Rejects with AmqpError, DisposedError. */
  get(): Promise<Life> {
    if (this.#life?.ended.aborted === false) return Promise.resolve(this.#life);
    if (this.#closing.signal.aborted) return Promise.reject(new DisposedError("the connection to RabbitMQ"));
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Gives the connection up at once, without a word to the broker: the next `get` connects anew. */
  drop(): void {
    // With an error: the library hears of the end of a stream by that alone.
    this.#life?.wire.connection.stream.destroy(new Error("the connection was given up"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DisposedError("the connection to RabbitMQ"));
    await this.#connecting?.catch(() => undefined);
    const life = this.#life;
    if (life === undefined || life.ended.aborted) return;
    const { clock, answerMaxMs } = this.#options;
    // A broker that is gone without a word would never say good-bye.
    const timer = clock.setTimer(Math.min(answerMaxMs, 2_000), () => this.drop());
    await life.wire.close().catch(() => undefined);
    timer.cancel();
    life.wire.connection.stream.destroy();
  }

  /** While the broker cannot be reached, starts or stops, it is tried again after 25 ms, doubled up to 1 s, each at random between a half and
   *  the whole: many processes lose one broker at the same moment, and must not come back at the same moment. */
  async #connect(): Promise<Life> {
    const { clock, random, connectMaxMs } = this.#options;
    const { signal } = this.#closing;
    const untilMs = clock.monotonic() + connectMaxMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      signal.throwIfAborted();
      try {
        return this.#start(await connectClient(this.#options));
      } catch (thrown) {
        const error = amqpError(thrown, "connecting to RabbitMQ");
        if (!isLost(error) || clock.monotonic() + pauseMs > untilMs) throw error;
      }
      await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal });
    }
  }

  #start(wire: WireConnection): Life {
    const ended = new AbortController();
    const end = (error?: Error): void => {
      this.#blocked = undefined;
      ended.abort(amqpError(error ?? new Error("the connection was closed"), "the connection to RabbitMQ"));
    };
    wire.on("error", end);
    wire.on("close", end);
    wire.on("blocked", (reason) => void (this.#blocked = reason));
    wire.on("unblocked", () => void (this.#blocked = undefined));
    this.#life = { wire, ended: ended.signal };
    return this.#life;
  }
}
