import { type Clock } from "../clock/mod.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import type { LimiterStore, StoreCall, Verdict } from "./store.ts";

/** A memory store that can be reached, or not, or does not answer, as a test says; and that must be waited for. */
export class FaultyStore implements LimiterStore {
  readonly name = "faulty";
  readonly batches: (readonly StoreCall[])[] = [];
  mode: "up" | "down" | "silent" = "up";
  readonly #inner: LimiterStore;

  constructor(clock: Clock) {
    this.#inner = memoryStore({ clock });
  }

  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    this.batches.push(calls);
    if (this.mode === "up") return this.#inner.decide(calls);
    return this.mode === "down"
      ? Promise.reject(new Error("connection refused"))
      : Promise.withResolvers<readonly Verdict[]>().promise;
  }
}
