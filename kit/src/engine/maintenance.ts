import type { Clock, Timer } from "../clock/mod.ts";

/** Runs a background pass some time after there was something to do: an engine that rests sets no timer. */
export class Maintenance {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #run: (isClosed: () => boolean) => Promise<void>;
  #timer: Timer | undefined;
  #pass: Promise<void> | undefined;
  #isClosed = false;

  /** `run` may reject, and then the next pass tries again; it ends soon when it is told that the engine closes. */
  constructor(clock: Clock, everyMs: number, run: (isClosed: () => boolean) => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#run = run;
  }

  /** Something was committed: a pass is due within the period. */
  arm(): void {
    if (this.#timer !== undefined || this.#pass !== undefined || this.#isClosed) return;
    this.#timer = this.#clock.setTimer(this.#everyMs, () => this.#start(), { holdsProcess: "no" });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#pass;
  }

  #start(): void {
    this.#timer = undefined;
    this.#pass = this.#run(() => this.#isClosed)
      // A full or busy store: the next pass tries again.
      .catch(() => undefined)
      .finally(() => (this.#pass = undefined));
  }
}
