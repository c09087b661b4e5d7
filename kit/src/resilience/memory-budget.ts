import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import { queuesOf, type RoomRequest } from "./bulkhead.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { Slots } from "./slots.ts";
import { type Priority, rankOf } from "./verdict.ts";

/** What a memory budget goes by. */
export interface MemoryBudgetOptions {
  /** Default "memory". */
  readonly name?: string | undefined;
  /** 1 to 2^53 - 1. */
  readonly bytesMax: number;
  /** Who may wait at most, as for a bulkhead. Default 0: nobody waits. */
  readonly queueMax?: number | Readonly<Record<Priority, number>> | undefined;
  /** Default: as long as it takes. */
  readonly waitMaxMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Bytes that are held until it is disposed. */
export interface MemoryGrant extends Disposable {
  readonly allowed: true;
  /** What is held now. */
  readonly bytes: number;
  /** Gives back what turned out not to be needed: holds `bytes` from now on, if that is less. */
  shrink(bytes: number): void;
}

/** A memory budget at a glance. */
export interface MemoryBudgetReport {
  readonly name: string;
  readonly bytesMax: number;
  readonly bytesHeld: number;
  readonly waiting: number;
  readonly refused: number;
}

export type { MemoryBudget };

/**
 * Admits work by the bytes that it says it will hold, and gets them back by `using`. It counts promises, not the heap: ask for the largest that
 * a request can become, then `shrink`. First come is first served within a priority, also when something smaller would fit. O(1). Throws ConfigError.
 */
export function memoryBudget(options: MemoryBudgetOptions): MemoryBudget {
  return new MemoryBudget(options);
}

/** See {@link memoryBudget}. */
class MemoryBudget {
  readonly #name: string;
  readonly #slots: Slots;
  readonly #clock: Clock;
  readonly #waitMaxMs: number;
  #refused = 0;

  constructor({ name = "memory", bytesMax, queueMax = 0, waitMaxMs, clock = systemClock }: MemoryBudgetOptions) {
    this.#name = textOf("name", name);
    this.#clock = clock;
    this.#waitMaxMs =
      waitMaxMs === undefined ? Infinity : numberIn("waitMaxMs", waitMaxMs, { min: 0, max: durationMaxMs });
    this.#slots = new Slots(integerIn("bytesMax", bytesMax, { min: 1 }), {
      clock,
      shares: [1, 1, 1],
      queueMax: queuesOf(queueMax),
    });
  }

  /** The bytes now, or the refusal. More than the budget is a ConfigError: no waiting would help. */
  tryTake(bytes: number, { priority = "normal" }: Pick<RoomRequest, "priority"> = {}): MemoryGrant | Refusal {
    if (this.#slots.take(rankOf(priority), this.#checked(bytes)) === "taken") return new Grant(this.#slots, bytes);
    this.#refused++;
    return refusal(this.#name, "full");
  }

  /** The bytes as soon as they are free, or the refusal. Rejects with the signal's reason. */
  async take(bytes: number, { priority = "normal", signal }: RoomRequest = {}): Promise<MemoryGrant | Refusal> {
    signal?.throwIfAborted();
    const rank = rankOf(priority);
    if (this.#slots.take(rank, this.#checked(bytes)) === "taken") return new Grant(this.#slots, bytes);
    const mayWait = this.#slots.mayWait(rank) && this.#waitMaxMs > 0;
    const untilMs = this.#clock.monotonic() + this.#waitMaxMs;
    if (mayWait && (await this.#slots.wait({ rank, weight: bytes, signal, untilMs })) === "taken")
      return new Grant(this.#slots, bytes);
    this.#refused++;
    return refusal(this.#name, mayWait ? "waited" : "full");
  }

  describe(): MemoryBudgetReport {
    const { limit, inUse, waiting } = this.#slots;
    return { name: this.#name, bytesMax: limit, bytesHeld: inUse, waiting, refused: this.#refused };
  }

  #checked(bytes: number): number {
    return integerIn("bytes", bytes, { min: 0, max: this.#slots.limit });
  }
}

class Grant implements MemoryGrant {
  readonly allowed = true;
  readonly #slots: Slots;
  #bytes: number;

  constructor(slots: Slots, bytes: number) {
    this.#slots = slots;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  shrink(bytes: number): void {
    const kept = integerIn("bytes", bytes, { min: 0 });
    if (kept >= this.#bytes) return;
    const given = this.#bytes - kept;
    this.#bytes = kept;
    this.#slots.give(given);
  }

  [Symbol.dispose](): void {
    this.shrink(0);
  }
}
