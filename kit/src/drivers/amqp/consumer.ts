import { abortable } from "../../abort/mod.ts";
import { DisposedError } from "../../errors/mod.ts";
import type { ResolvedAmqp } from "./options.ts";
import type { OpenChannel, SteadyChannel } from "./steady-channel.ts";

const firstPauseMs = 50;
const pauseMaxMs = 5_000;

/** What a consumer is told. */
export interface ConsumerEvents {
  /** The queues are heard (again). `again`: what came in between may be lost, where the queue went with the connection. */
  readonly listening?: (life: "first" | "again") => void;
  /** The channel is gone; it is opened again by itself. */
  readonly lost?: (reason: unknown) => void;
}

/** Keeps a channel with consumers open until it is disposed: opens it again, with growing pauses, for as long as it takes. */
export class Consumer implements AsyncDisposable {
  readonly #options: ResolvedAmqp;
  readonly #channel: SteadyChannel;
  readonly #events: ConsumerEvents;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #lives = 0;

  constructor(options: ResolvedAmqp, channel: SteadyChannel, events: ConsumerEvents) {
    this.#options = options;
    this.#channel = channel;
    this.#events = events;
    this.#running = this.#run();
  }

  /** The open channel; undefined while there is none. */
  get ready(): OpenChannel | undefined {
    return this.#channel.ready;
  }

  /** Resolves once the queues are heard. Rejects as opening does. */
  async listening(): Promise<void> {
    await this.#channel.get();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DisposedError("the consumer"));
    await this.#running;
    await this.#channel[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#closing;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      try {
        const { ended } = await abortable(this.#channel.get(), signal);
        pauseMs = firstPauseMs;
        this.#events.listening?.(this.#lives++ === 0 ? "first" : "again");
        await abortable(new Promise<never>(() => undefined), AbortSignal.any([ended, signal]));
      } catch (error) {
        if (!signal.aborted) this.#events.lost?.(error);
      }
      await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal }).catch(() => undefined);
    }
  }
}
