import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import type { Guard, Passage } from "./guard.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { Slots } from "./slots.ts";
import { priorities, type Priority, rankOf } from "./verdict.ts";

/** What a bulkhead goes by. */
export interface BulkheadOptions {
  /** Default "bulkhead". */
  readonly name?: string | undefined;
  /** Calls that run at once, 1 to 1e6. */
  readonly permits: number;
  /** Calls that wait at most: of each priority so many, or a number for each. Default 0: nobody waits. */
  readonly queueMax?: number | Readonly<Record<Priority, number>> | undefined;
  /** How long a call waits at most. Default: until its deadline. */
  readonly waitMaxMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** A bulkhead at a glance. */
export interface BulkheadReport {
  readonly name: string;
  readonly permits: number;
  readonly inUse: number;
  readonly waiting: number;
  readonly refused: number;
}

/** Room that is held until it is disposed. */
export interface Room extends Disposable {
  readonly allowed: true;
}

/** What the holder of a room asks for. */
export interface RoomRequest {
  /** Default `normal`. */
  readonly priority?: Priority | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type { Bulkhead };

/**
 * Lets so many calls run at once and so many wait, by priority and then in the order in which they came. A slot that comes free goes to
 * the first who waits in the same turn; who gives up leaves the queue at once. A slot is given back when the work has ended, not when its
 * caller stopped waiting for it. O(1). Throws ConfigError.
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options);
}

/** See {@link bulkhead}. A layer of pipelines; by `using` also without one. */
class Bulkhead implements Guard {
  readonly kind = "bulkhead";
  readonly name: string;
  readonly #slots: Slots;
  readonly #clock: Clock;
  readonly #waitMaxMs: number;
  #refused = 0;

  constructor({ name = "bulkhead", permits, queueMax = 0, waitMaxMs, clock = systemClock }: BulkheadOptions) {
    this.name = textOf("name", name);
    this.#clock = clock;
    this.#waitMaxMs =
      waitMaxMs === undefined ? Infinity : numberIn("waitMaxMs", waitMaxMs, { min: 0, max: durationMaxMs });
    this.#slots = new Slots(integerIn("permits", permits, { min: 1, max: 1_000_000 }), {
      clock,
      shares: [1, 1, 1],
      queueMax: queuesOf(queueMax),
    });
  }

  enter(passage: Passage): number | Refusal | Promise<number | Refusal> {
    const rank = rankOf(passage.priority);
    if (this.#slots.take(rank) === "taken") return 0;
    return this.#wait(rank, { signal: passage.cancelledBy, deadlineAtMs: passage.deadlineAtMs });
  }

  leave(_ticket: number, { work }: Passage): void {
    if (work === "settled") this.#slots.give();
  }

  release(): void {
    this.#slots.give();
  }

  /** Room now, or the refusal; nobody waits. */
  tryAcquire(request: Pick<RoomRequest, "priority"> = {}): Room | Refusal {
    if (this.#slots.take(rankOf(request.priority ?? "normal")) === "taken") return this.#room();
    this.#refused++;
    return refusal(this.name, "full");
  }

  /** Room as soon as there is some, or the refusal. Rejects with the signal's reason. */
  async acquire({ priority = "normal", signal }: RoomRequest = {}): Promise<Room | Refusal> {
    signal?.throwIfAborted();
    const rank = rankOf(priority);
    if (this.#slots.take(rank) === "taken") return this.#room();
    const entered = await this.#wait(rank, { signal, deadlineAtMs: Infinity });
    return typeof entered === "number" ? this.#room() : entered;
  }

  describe(): BulkheadReport {
    const { limit, inUse, waiting } = this.#slots;
    return { name: this.name, permits: limit, inUse, waiting, refused: this.#refused };
  }

  #wait(
    rank: number,
    { signal, deadlineAtMs }: { readonly signal: AbortSignal | undefined; readonly deadlineAtMs: number },
  ): Refusal | Promise<number | Refusal> {
    if (!this.#slots.mayWait(rank) || this.#waitMaxMs === 0) {
      this.#refused++;
      return refusal(this.name, "full");
    }
    const untilMs = Math.min(deadlineAtMs, this.#clock.monotonic() + this.#waitMaxMs);
    return this.#waited(this.#slots.wait({ rank, weight: 1, signal, untilMs }));
  }

  async #waited(waiting: Promise<"taken" | "late">): Promise<number | Refusal> {
    if ((await waiting) === "taken") return 0;
    this.#refused++;
    return refusal(this.name, "waited");
  }

  #room(): Room {
    const slots = this.#slots;
    let isHeld = true;
    return {
      allowed: true,
      [Symbol.dispose]() {
        if (isHeld) slots.give();
        isHeld = false;
      },
    };
  }
}

/** The bound of each queue, highest priority first. Throws ConfigError. */
export function queuesOf(queueMax: number | Readonly<Record<Priority, number>>): readonly number[] {
  return priorities.map((priority) =>
    typeof queueMax === "number"
      ? integerIn("queueMax", queueMax, { min: 0, max: 1_000_000 })
      : integerIn(`queueMax.${priority}`, queueMax[priority], { min: 0, max: 1_000_000 }),
  );
}
