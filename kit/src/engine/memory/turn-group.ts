import type { Clock } from "../../clock/mod.ts";
import { deque, type Deque } from "../../collections/mod.ts";
import { StorageError } from "../errors.ts";
import { groupMax, groupMs } from "../limits.ts";

/** Calls that wait in one turn of the event loop, carried out together and in their order in the next. */
export class TurnGroup {
  readonly #clock: Clock;
  readonly #waitingMax: number;
  readonly #around: (runAll: () => number) => void;
  readonly #waiting: Deque<() => void> = deque();
  #isScheduled = false;
  readonly #whenIdle: (() => void)[] = [];

  /** `around` is called once a group with what carries it out, which answers how many calls it carried out. */
  constructor(clock: Clock, waitingMax: number, around: (runAll: () => number) => void) {
    this.#clock = clock;
    this.#waitingMax = waitingMax;
    this.#around = around;
  }

  /** Resolves or rejects with what `work` answers or throws. Rejects with StorageError `busy` when too many wait. */
  run<T>(work: () => T): Promise<T> {
    if (this.#waiting.size >= this.#waitingMax)
      return Promise.reject(new StorageError("busy", `${this.#waitingMax} calls are waiting for the engine`));
    return new Promise((resolve, reject) => {
      this.#waiting.pushBack(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.nextTurn(() => {
      this.#isScheduled = false;
      this.#around(() => this.#runGroup());
      if (this.#waiting.size > 0) return this.#schedule();
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }

  #runGroup(): number {
    const untilMs = this.#clock.monotonic() + groupMs;
    let count = 0;
    while (count < groupMax) {
      const work = this.#waiting.popFront();
      if (work === undefined) break;
      work();
      count++;
      // The clock costs more than a small commit.
      if (count % 16 === 0 && this.#clock.monotonic() >= untilMs) break;
    }
    return count;
  }
}
