import { type Handle, indexedHeap } from "../collections/mod.ts";
import { integerIn, invariant, InvariantError } from "../errors/mod.ts";
import type { Clock, SleepOptions, Timer } from "./clock.ts";
import { systemClock } from "./clock-system.ts";
import { sleepOn } from "./sleep.ts";

/** A clock whose time moves only when it is told to. */
export interface ManualClock extends Clock {
  /**
   * Moves time by `ms` (0 or more), stopping at every due timer in order (ties by creation) and settling between any two.
   * Rejects with what a timer's callback throws; time then stands at that timer. Calls run one after another.
   */
  advance(ms: number): Promise<void>;
  /** Waits until promises, {@link Clock.nextTurn} callbacks and what they start have come to rest; time stands still. */
  settle(): Promise<void>;
  /** Steps the wall clock only, forth or back, as a correction of the machine's time does. Timers do not notice. */
  jump(ms: number): void;
  readonly timersPending: number;
}

/** Where a manual clock starts. */
export interface ManualClockOptions {
  /** First answer of `now()`, in epoch milliseconds. Default 2026-01-01T00:00:00Z. */
  readonly nowMs?: number;
}

/**
 * A clock for tests and simulation. Callbacks of `nextTurn` run by themselves in the next real turn, as on the system's clock,
 * so awaiting something that batches needs no `settle`. Work outside the loop (files, sockets, workers) is not waited for.
 */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  return new SteppedClock(integerIn("nowMs", options.nowMs ?? 1_767_225_600_000, { min: 0 }));
}

// Two, so that one hop through the system's own setImmediate inside the code under test is waited for as well.
const quietTurns = 2;
const settleTurnsMax = 100_000;

interface Alarm {
  readonly dueMs: number;
  readonly order: number;
  readonly ring: () => void;
}

class SteppedClock implements ManualClock {
  readonly #alarms = indexedHeap<Alarm>((left, right) => left.dueMs - right.dueMs || left.order - right.order);
  #epochMs: number;
  #elapsedMs = 0;
  #alarmsSet = 0;
  #turnsAsked = 0;
  #turnsPending = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(nowMs: number) {
    this.#epochMs = nowMs;
  }

  get timersPending(): number {
    return this.#alarms.size;
  }

  now(): number {
    return Math.floor(this.#epochMs + this.#elapsedMs);
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, ring: () => void): Timer {
    invariant(!Number.isNaN(delayMs), "a timer's delay is a number");
    const dueMs = this.#elapsedMs + Math.max(0, delayMs);
    const handle: Handle<Alarm> = this.#alarms.push({ dueMs, order: this.#alarmsSet++, ring });
    return { cancel: () => void this.#alarms.remove(handle) };
  }

  sleep(delayMs: number, options?: SleepOptions): Promise<void> {
    return sleepOn(this, delayMs, options);
  }

  nextTurn(run: () => void): void {
    this.#turnsAsked++;
    this.#turnsPending++;
    systemClock.nextTurn(() => {
      this.#turnsPending--;
      run();
    });
  }

  jump(ms: number): void {
    invariant(Number.isFinite(ms), "a jump is a finite number of milliseconds");
    this.#epochMs += ms;
  }

  settle(): Promise<void> {
    return this.#inTurn(() => this.#settle());
  }

  advance(ms: number): Promise<void> {
    invariant(ms >= 0 && Number.isFinite(ms), "time advances by a finite number of milliseconds, 0 or more");
    return this.#inTurn(() => this.#advance(ms));
  }

  /** One caller moves time at a time; a failed move does not stop the next. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined); // reported to its own caller through `result`
    return result;
  }

  async #advance(ms: number): Promise<void> {
    await this.#settle();
    const untilMs = this.#elapsedMs + ms;
    for (let alarm = this.#alarms.peek(); alarm !== undefined && alarm.dueMs <= untilMs; alarm = this.#alarms.peek()) {
      this.#alarms.pop();
      this.#elapsedMs = alarm.dueMs;
      alarm.ring();
      await this.#settle();
    }
    this.#elapsedMs = untilMs;
  }

  async #settle(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; quiet < quietTurns; turn++) {
      if (turn >= settleTurnsMax)
        throw new InvariantError(`code under a manual clock did not come to rest in ${settleTurnsMax} turns`);
      const seen = this.#turnsAsked + this.#alarmsSet;
      await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
      const isQuiet = this.#turnsPending === 0 && seen === this.#turnsAsked + this.#alarmsSet;
      quiet = isQuiet ? quiet + 1 : 0;
    }
  }
}
