import type { Clock, Timer } from "../../clock/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { MemoryState } from "../state/memory-state.ts";

const maintained = telemetryChannel("ashlar.engine.maintenance");
// About 2 ms of work: other callers of the process wait meanwhile.
const batchMax = 4096;

/** Frees what has expired, in bounded batches. There is a timer only while something can expire, and it does not hold the process. */
export class ExpirySweep {
  readonly #state: MemoryState;
  readonly #clock: Clock;
  readonly #everyMs: number;
  #timer: Timer | undefined;

  constructor(state: MemoryState, clock: Clock, everyMs: number) {
    this.#state = state;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Called after every group. */
  arm(): void {
    if (this.#timer !== undefined || this.#state.expiries.size === 0) return;
    this.#timer = this.#clock.setTimer(this.#everyMs, () => this.#sweep(), { holdsProcess: "no" });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sweep(): void {
    this.#timer = undefined;
    const startedMs = this.#clock.monotonic();
    const affected = this.#dropBatch(this.#clock.now());
    if (affected === batchMax) this.#timer = this.#clock.setTimer(1, () => this.#sweep(), { holdsProcess: "no" });
    else this.arm();
    if (affected === 0 || !maintained.active) return;
    const durationMs = this.#clock.monotonic() - startedMs;
    maintained.publish({ engine: "memory", task: "expiry", affected, durationMs });
  }

  #dropBatch(nowMs: number): number {
    const { expiries } = this.#state;
    let count = 0;
    for (let next = expiries.peek(); next !== undefined && next.expiresAtMs <= nowMs; next = expiries.peek()) {
      if (count === batchMax) break;
      expiries.pop();
      next.drop();
      count++;
    }
    return count;
  }
}
