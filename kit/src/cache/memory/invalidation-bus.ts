import { type Clock, systemClock } from "../../clock/mod.ts";
import type { BusListener, BusMessage, BusSubscription, InvalidationBus } from "../invalidation-bus.ts";

/** What a bus in memory goes by. */
export interface MemoryBusOptions {
  readonly clock?: Pick<Clock, "nextTurn"> | undefined;
}

/** A bus within one process: for tests, and for several caches side by side. Delivers in the next turn, in order, and loses nothing. */
export function memoryBus(options: MemoryBusOptions = {}): InvalidationBus {
  return new MemoryBus(options.clock ?? systemClock);
}

class MemoryBus implements InvalidationBus {
  readonly #clock: Pick<Clock, "nextTurn">;
  readonly #listeners = new Set<BusListener>();
  #sequence = 0;

  constructor(clock: Pick<Clock, "nextTurn">) {
    this.#clock = clock;
  }

  async publish(message: BusMessage): Promise<number> {
    const sequence = ++this.#sequence;
    for (const listener of this.#listeners)
      this.#clock.nextTurn(() => {
        if (this.#listeners.has(listener)) listener(message, sequence);
      });
    return sequence;
  }

  async subscribe(listener: BusListener): Promise<BusSubscription> {
    const own: BusListener = (message, sequence) => listener(message, sequence);
    this.#listeners.add(own);
    const dispose = async (): Promise<void> => void this.#listeners.delete(own);
    return { sequence: this.#sequence, [Symbol.asyncDispose]: dispose };
  }

  async latest(): Promise<number> {
    return this.#sequence;
  }
}
