import type { Clock, Timer } from "../../clock/mod.ts";

/** What a watch goes by. */
export interface WatchOptions {
  readonly clock: Clock;
  /** A command older than that is overdue; noticed at most half as late again. */
  readonly answerMaxMs: number;
  readonly onOverdue: () => void;
}

/** Notices that answers stay away. They come in the order of the commands, so two marks and one timer do for all that are under way. */
export class AnswerWatch {
  readonly #options: WatchOptions;
  #sent = 0;
  #answered = 0;
  /** What had been sent at the last tick, and at the one before. */
  #lastMark = 0;
  #olderMark = 0;
  #timer: Timer | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  sent(): void {
    this.#sent += 1;
    if (this.#timer === undefined) this.#start();
  }

  answered(): void {
    this.#answered += 1;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #start(): void {
    this.#lastMark = this.#olderMark = this.#answered;
    this.#wait();
  }

  #wait(): void {
    const { clock, answerMaxMs } = this.#options;
    this.#timer = clock.setTimer(answerMaxMs / 2, () => this.#tick(), { holdsProcess: "no" });
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#answered < this.#olderMark) return this.#options.onOverdue();
    this.#olderMark = this.#lastMark;
    this.#lastMark = this.#sent;
    // Nothing under way: the next command starts it again.
    if (this.#answered < this.#sent) this.#wait();
  }
}
