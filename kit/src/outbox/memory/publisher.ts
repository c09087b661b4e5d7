import { DisposedError, integerIn } from "../../errors/mod.ts";
import type { OutgoingEvent, Publisher } from "../publisher.ts";

/** A broker within the process, for tests and examples. */
export interface MemoryPublisher extends Publisher {
  /** What was published last, oldest first: at most `eventsMax` events. An id that is still among them is not taken twice. */
  readonly events: readonly OutgoingEvent[];
}

/** Holds what is published. `eventsMax`: how many it keeps, the oldest give way; 1 to 1,000,000, default 10,000. Throws ConfigError. */
export function memoryPublisher(options: { readonly eventsMax?: number | undefined } = {}): MemoryPublisher {
  return new InMemory(integerIn("eventsMax", options.eventsMax ?? 10_000, { min: 1, max: 1_000_000 }));
}

class InMemory implements MemoryPublisher {
  readonly name = "memory";
  readonly #events = new Map<string, OutgoingEvent>();
  readonly #eventsMax: number;
  #isDisposed = false;

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  get events(): readonly OutgoingEvent[] {
    return [...this.#events.values()];
  }

  async publish(event: OutgoingEvent, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    if (this.#isDisposed) throw new DisposedError("the memory publisher");
    options?.signal?.throwIfAborted();
    if (this.#events.has(event.id)) return;
    this.#events.set(event.id, event);
    const [oldest] = this.#events.keys();
    if (this.#events.size > this.#eventsMax && oldest !== undefined) this.#events.delete(oldest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
  }
}
