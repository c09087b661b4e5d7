import type { Clock } from "../clock/mod.ts";
import type { BellTopic } from "./engine.ts";

type Ring = () => void;

/** Who wants to hear of which topic. Rings come in a turn of their own, once a listener however many of its topics changed. */
export class Bells {
  readonly #clock: Clock;
  readonly #rings = new Map<BellTopic, Set<Ring>>();
  #due = new Set<Ring>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isSilent(): boolean {
    return this.#rings.size === 0;
  }

  add(topics: readonly BellTopic[], ring: Ring): Disposable {
    // Its own function, so that one who listens twice with the same function is two listeners.
    const own: Ring = () => ring();
    for (const topic of topics) this.#listeners(topic).add(own);
    return { [Symbol.dispose]: () => this.#remove(topics, own) };
  }

  ring(topics: ReadonlySet<BellTopic>): void {
    for (const topic of topics) for (const ring of this.#rings.get(topic) ?? []) this.#later(ring);
  }

  /** Another process has written; in which topics is not known. */
  ringAll(): void {
    for (const rings of this.#rings.values()) for (const ring of rings) this.#later(ring);
  }

  clear(): void {
    this.#rings.clear();
    this.#due.clear();
  }

  #later(ring: Ring): void {
    if (this.#due.size === 0) this.#clock.nextTurn(() => this.#ringDue());
    this.#due.add(ring);
  }

  #ringDue(): void {
    const due = this.#due;
    this.#due = new Set();
    for (const ring of due) ringSafely(ring);
  }

  #listeners(topic: BellTopic): Set<Ring> {
    let rings = this.#rings.get(topic);
    if (rings === undefined) this.#rings.set(topic, (rings = new Set()));
    return rings;
  }

  #remove(topics: readonly BellTopic[], ring: Ring): void {
    this.#due.delete(ring);
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
