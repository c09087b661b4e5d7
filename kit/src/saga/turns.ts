import { afterPromises } from "./drain-system.ts";

/**
 * Gives the answers of a run to its code one at a time, in the order of the journal, each when everything that the one before has set
 * going has come to rest. A replay does the same, so that parallel branches ask in the same order again: repeated names, times and
 * chance mean the same to each of them.
 */
export class Turns {
  /** Answers that the code has not got yet. A function: its operation is ready for it. */
  readonly #line: Map<string, (() => void) | undefined> = new Map();
  readonly #calm: () => void;
  #isBusy = false;

  /** `idle`: all answers are given, and the code has come to rest behind them. */
  constructor(idle: () => void) {
    this.#calm = () => {
      this.#isBusy = false;
      this.#give(this.#head());
      if (this.isIdle) idle();
    };
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#line.size === 0;
  }

  /** An answer is stored: it comes behind those stored before. */
  expect(key: string): void {
    this.#line.set(key, undefined);
  }

  /** The operation is ready for its answer; undefined when it is its turn now. */
  arrive(key: string): Promise<void> | undefined {
    if (!this.#isBusy && this.#head() === key) {
      this.#line.delete(key);
      this.begin();
      return undefined;
    }
    return new Promise((resolve) => this.#line.set(key, resolve));
  }

  /** The code goes on: nothing is given until it has come to rest. */
  begin(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    afterPromises(this.#calm);
  }

  /** Gives the first answer that somebody is ready for, although others come before it. */
  skip(): "given" | "none" {
    for (const [key, ready] of this.#line) {
      if (ready === undefined) continue;
      this.#give(key);
      return "given";
    }
    return "none";
  }

  #head(): string | undefined {
    return this.#line.size === 0 ? undefined : this.#line.keys().next().value;
  }

  #give(key: string | undefined): void {
    const ready = key === undefined ? undefined : this.#line.get(key);
    if (key === undefined || ready === undefined) return;
    this.#line.delete(key);
    this.begin();
    ready();
  }
}
