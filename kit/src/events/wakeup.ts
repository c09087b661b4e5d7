import { type Gate, gate } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";

/** A bell that is not lossy: a ring before the wait ends the next wait at once. For one waiter. */
export class Wakeup {
  readonly #clock: Clock;
  #rung = false;
  #waiting: Gate<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#waiting?.open();
  }

  /** Ends at a ring or after `timeoutMs`, whichever is first. */
  async wait(timeoutMs: number): Promise<"rung" | "timeout"> {
    if (!this.#rung) {
      const waiting = gate();
      this.#waiting = waiting;
      const timer = this.#clock.setTimer(timeoutMs, () => waiting.open());
      await waiting.promise;
      timer.cancel();
      this.#waiting = undefined;
    }
    const answer = this.#rung ? "rung" : "timeout";
    this.#rung = false;
    return answer;
  }
}
