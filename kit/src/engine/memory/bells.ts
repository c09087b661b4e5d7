import type { BellTopic } from "../engine.ts";

type Ring = () => void;

/** Who wants to hear of which topic. */
export class Bells {
  readonly #rings: Map<BellTopic, Set<Ring>> = new Map();

  add(topics: readonly BellTopic[], ring: Ring): Disposable {
    // Its own function, so that one who listens twice with the same function is two listeners.
    const own: Ring = () => ring();
    for (const topic of topics) this.#listeners(topic).add(own);
    return { [Symbol.dispose]: () => this.#remove(topics, own) };
  }

  /** Rings each listener once, however many of its topics changed. */
  ring(topics: ReadonlySet<BellTopic>): void {
    if (this.#rings.size === 0) return;
    const rings = new Set<Ring>();
    for (const topic of topics) for (const ring of this.#rings.get(topic) ?? []) rings.add(ring);
    for (const ring of rings) ringSafely(ring);
  }

  clear(): void {
    this.#rings.clear();
  }

  #listeners(topic: BellTopic): Set<Ring> {
    let rings = this.#rings.get(topic);
    if (rings === undefined) this.#rings.set(topic, (rings = new Set()));
    return rings;
  }

  #remove(topics: readonly BellTopic[], ring: Ring): void {
    for (const topic of topics) {
      const rings = this.#rings.get(topic);
      rings?.delete(ring);
      if (rings?.size === 0) this.#rings.delete(topic);
    }
  }
}

/** A listener's fault is its own: it surfaces as an uncaught error, and the others are rung. */
function ringSafely(ring: Ring): void {
  try {
    ring();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
