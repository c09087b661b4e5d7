import type { Timer } from "../clock/mod.ts";
import { Attempt } from "./attempt.ts";
import { quietReason } from "./errors.ts";
import type { HedgeLayer } from "./layers.ts";
import { passed } from "./passed.ts";

/** What losers are aborted with. */
const lost = quietReason("HedgeLostError", "another attempt beside this one was faster");

/** Runs one attempt, and others beside it while it is slow. The end that counts: the first success, else the end of the last one under way. */
export function hedged(frame: Attempt, rules: HedgeLayer): Promise<Attempt> {
  return new Race(frame, rules).run();
}

interface Runner {
  readonly attempt: Attempt;
  readonly stop: AbortController;
}

class Race {
  readonly #frame: Attempt;
  readonly #rules: HedgeLayer;
  readonly #running = new Set<Runner>();
  readonly #decided = Promise.withResolvers<Attempt>();
  #begun = 0;
  #isOver = false;
  #timer: Timer | undefined;

  constructor(frame: Attempt, rules: HedgeLayer) {
    this.#frame = frame;
    this.#rules = rules;
  }

  async run(): Promise<Attempt> {
    const { cancelledBy } = this.#frame;
    cancelledBy?.throwIfAborted();
    cancelledBy?.addEventListener("abort", this);
    try {
      this.#begin();
      return await this.#decided.promise;
    } finally {
      cancelledBy?.removeEventListener("abort", this);
      this.#isOver = true;
      this.#timer?.cancel();
      for (const { stop } of this.#running) stop.abort(lost);
    }
  }

  /** The caller's signal aborted: all end, and the last end counts. */
  handleEvent(): void {
    // A guard that is slow to let go must not leave time for one more.
    this.#timer?.cancel();
    this.#isOver = true;
    for (const { stop } of this.#running) stop.abort(this.#frame.cancelledBy?.reason);
  }

  #begin(): void {
    const stop = new AbortController();
    const { call } = this.#frame;
    const attempt = new Attempt(call, call.plan.guards, { hedge: this.#begun++, cancelledBy: stop.signal });
    if (typeof this.#rules.after !== "number") attempt.startedAtMs(); // the latency is counted from here
    const runner = { attempt, stop };
    this.#running.add(runner);
    void this.#follow(runner); // never rejects
    this.#planNext();
  }

  #planNext(): void {
    if (this.#isOver || this.#begun > this.#rules.extraMax || this.#running.size === 0) return;
    const { after } = this.#rules;
    const { clock } = this.#frame.call.plan;
    const next = (): void => {
      if (this.#rules.budget.take() === "granted") this.#begin();
    };
    this.#timer = clock.setTimer(typeof after === "number" ? after : after.ms, next, { holdsProcess: "no" });
  }

  async #follow(runner: Runner): Promise<void> {
    const { attempt } = runner;
    await passed(attempt, attempt.enter());
    this.#running.delete(runner);
    this.#judge(attempt);
  }

  #judge(attempt: Attempt): void {
    const { after } = this.#rules;
    const isGood = attempt.verdict === "success";
    if (isGood && typeof after !== "number") after.add(attempt.endedAtMs() - attempt.startedAtMs());
    if (isGood || this.#running.size === 0) this.#decided.resolve(attempt);
  }
}
