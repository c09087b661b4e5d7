import { PostgresError } from "../../drivers/postgres/mod.ts";
import type { StoreCall, Verdict } from "../store.ts";

/** Bounds of what is under way. */
export interface MergeLimits {
  /** Calls in one batch. */
  readonly callsMax: number;
  /** Batches under way at once. */
  readonly batchesMax: number;
  /** Calls that wait until there is room for them. */
  readonly waitingMax: number;
}

interface Waiting {
  readonly calls: readonly StoreCall[];
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (error: unknown) => void;
}

/** While so many batches are under way, what comes waits and goes together in the next: the more there is to do, the less each call costs. */
export class MergedBatches {
  readonly #send: (calls: readonly StoreCall[]) => Promise<readonly Verdict[]>;
  readonly #limits: MergeLimits;
  readonly #waiting: Waiting[] = [];
  #callsWaiting = 0;
  #underWay = 0;

  constructor(send: (calls: readonly StoreCall[]) => Promise<readonly Verdict[]>, limits: MergeLimits) {
    this.#send = send;
    this.#limits = limits;
  }

  /** Rejects as the batch does, and with PostgresError `busy` when too many calls wait. */
  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    const { waitingMax } = this.#limits;
    if (this.#callsWaiting + calls.length > waitingMax)
      return Promise.reject(new PostgresError("busy", `${waitingMax} calls of the limiter wait already`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ calls, resolve, reject });
      this.#callsWaiting += calls.length;
      this.#next();
    });
  }

  #next(): void {
    while (this.#underWay < this.#limits.batchesMax && this.#waiting.length > 0) void this.#run(this.#batch());
  }

  /** As many as fit, in their order; the first in any case. */
  #batch(): readonly Waiting[] {
    let count = 0;
    let parts = 0;
    for (const { calls } of this.#waiting) {
      if (parts > 0 && count + calls.length > this.#limits.callsMax) break;
      count += calls.length;
      parts += 1;
    }
    this.#callsWaiting -= count;
    return this.#waiting.splice(0, parts);
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    this.#underWay += 1;
    try {
      const verdicts = await this.#send(batch.flatMap(({ calls }) => calls));
      let from = 0;
      for (const { calls, resolve } of batch) resolve(verdicts.slice(from, (from += calls.length)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#underWay -= 1;
      this.#next();
    }
  }
}
