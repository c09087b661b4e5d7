import { abortable, signalAfter } from "../../abort/mod.ts";
import { DisposedError } from "../../errors/mod.ts";
import { connect, type Connected } from "./connector.ts";
import type { ResolvedRedis } from "./options.ts";
import { connectionError, errorOfReply } from "./redis-error.ts";

/** What a subscriber is told. */
export interface Heard {
  readonly message: (text: string, channel: string) => void;
  /** The channels are heard (again): whatever was sent while they were not is lost. */
  readonly listening: () => void;
}

/** Hearing channels until disposed. */
export interface RedisSubscription extends AsyncDisposable {
  readonly isListening: boolean;
}

/** How long a subscriber waits between two looks whether its connection still lives, and for the answer. */
const heartbeatMs = 10_000;
const heartbeatAnswerMs = 5_000;
const firstPauseMs = 50;
const pauseMaxMs = 5_000;

/** What a subscription is for. */
export interface SubscriptionPlan {
  readonly channels: readonly string[];
  readonly heard: Heard;
  /** It is disposed, and nobody needs to end it any more. */
  readonly closed: (subscription: Subscription) => void;
}

/** Hears channels on a connection of its own until it is disposed; connects again, with growing pauses, for as long as it takes. */
export class Subscription implements RedisSubscription {
  readonly #options: ResolvedRedis;
  readonly #channels: readonly string[];
  readonly #heard: Heard;
  readonly #closed: SubscriptionPlan["closed"];
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #connected: Connected | undefined;

  constructor(options: ResolvedRedis, { channels, heard, closed }: SubscriptionPlan) {
    this.#options = options;
    this.#channels = channels;
    this.#heard = heard;
    this.#closed = closed;
    this.#first.promise.catch(() => undefined);
    this.#running = this.#run();
  }

  /** Resolves when the channels are heard for the first time; rejects when the first attempt took longer than `connectMaxMs`. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  get isListening(): boolean {
    return this.#connected !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DisposedError("the Redis subscription"));
    await this.#running;
    this.#closed(this);
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#closing;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      try {
        await this.#listen();
        pauseMs = firstPauseMs;
      } catch (error) {
        // Later ones are tried again for as long as it takes.
        this.#first.reject(error);
      }
      await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal }).catch(() => undefined);
    }
    this.#first.reject(signal.reason);
  }

  /** Listens until the connection is lost or the subscription is disposed. */
  async #listen(): Promise<void> {
    const { clock, connectMaxMs } = this.#options;
    const { signal } = this.#closing;
    const connected = await connect(this.#options, { untilMs: clock.monotonic() + connectMaxMs, signal });
    const lost = new AbortController();
    connected.client.on("error", () => lost.abort());
    // Nor is a server waited for that does not answer when the subscription ends.
    const ended = (): void => lost.abort();
    signal.addEventListener("abort", ended, { once: true });
    try {
      await this.#subscribe(connected, lost);
      this.#connected = connected;
      this.#heard.listening();
      this.#first.resolve();
      await this.#untilLost(connected, lost);
    } finally {
      signal.removeEventListener("abort", ended);
      this.#connected = undefined;
      connected.client.destroy();
    }
  }

  /** Rejects with RedisError. */
  async #subscribe(connected: Connected, lost: AbortController): Promise<void> {
    const hear = (text: string, channel: string): void => {
      if (!this.#closing.signal.aborted) this.#heard.message(text, channel);
    };
    try {
      await within(connected.client.subscribe(this.#channels, hear), this.#options, lost);
    } catch (error) {
      throw connected.isReply(error) ? errorOfReply(error, "subscribing") : connectionError(error, "subscribing");
    }
  }

  async #untilLost({ client }: Connected, lost: AbortController): Promise<void> {
    const { clock } = this.#options;
    const { signal } = lost;
    while (!signal.aborted) {
      await clock.sleep(heartbeatMs, { signal }).catch(() => undefined);
      if (!signal.aborted) await within(client.sendCommand(["PING"]), this.#options, lost);
    }
  }
}

/** A half-open connection would be silent for ever. */
async function within(asked: Promise<unknown>, { clock }: ResolvedRedis, lost: AbortController): Promise<void> {
  using late = signalAfter(clock, heartbeatAnswerMs, () => new Error("no answer"));
  await abortable(abortable(asked, lost.signal), late.signal);
}
