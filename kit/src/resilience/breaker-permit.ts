import type { Clock } from "../clock/mod.ts";
import type { Guard, Passage } from "./guard.ts";
import type { Judge, Verdict } from "./verdict.ts";

/** Leave to make one call. The first of `success`, `failure`, `end` and disposal counts. */
export interface BreakerPermit extends Disposable {
  readonly allowed: true;
  success(): void;
  failure(): void;
  /** Judges a value or error as the breaker's judge does. */
  end(ended: Parameters<Judge>[0]): void;
  /** Gives it back unjudged. */
  release(): void;
}

interface MutablePassage extends Passage {
  verdict: Verdict;
}

/** The passage of a call that nobody wraps: it begins now and ends when its verdict is told. */
export function manualPassage(clock: Pick<Clock, "monotonic">): MutablePassage {
  const startedMs = clock.monotonic();
  return {
    priority: "normal",
    deadlineAtMs: Infinity,
    cancelledBy: undefined,
    verdict: "ignored",
    work: "settled",
    startedAtMs: () => startedMs,
    endedAtMs: () => clock.monotonic(),
  };
}

/** A permit of a breaker. */
export class Permit implements BreakerPermit {
  readonly allowed = true;
  readonly #from: Pick<Guard, "leave"> & { readonly judge: Judge | undefined };
  readonly #ticket: number;
  readonly #passage: MutablePassage;
  #isHeld = true;

  constructor(
    from: Pick<Guard, "leave"> & { readonly judge: Judge | undefined },
    ticket: number,
    passage: MutablePassage,
  ) {
    this.#from = from;
    this.#ticket = ticket;
    this.#passage = passage;
  }

  success(): void {
    this.#end("success");
  }

  failure(): void {
    this.#end("failure");
  }

  end(ended: Parameters<Judge>[0]): void {
    const { judge } = this.#from;
    this.#end(judge === undefined ? (ended.ok ? "success" : "failure") : judge(ended));
  }

  release(): void {
    this.#end("ignored");
  }

  [Symbol.dispose](): void {
    this.#end("ignored");
  }

  #end(verdict: Verdict): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#passage.verdict = verdict;
    this.#from.leave(this.#ticket, this.#passage);
  }
}
