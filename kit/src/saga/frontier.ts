import type { Timer } from "../clock/mod.ts";

/**
 * What a dead executor may have begun: the steps that the code has come to when its past is repeated. They are finished before a cancel
 * or a failure counts, else an effect could stay that nobody undoes.
 */
export class Frontier {
  readonly #steps: Set<string> = new Set();
  /** Ends the patience with code that has come to nothing yet. */
  grace: Timer | undefined;
  #isOpen: boolean;

  constructor(executor: "died" | "lives") {
    this.#isOpen = executor === "died";
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether all that may have begun is over, as far as the code has come. */
  get isClear(): boolean {
    return this.#steps.size === 0;
  }

  has(step: string | undefined): boolean {
    return this.#isOpen && step !== undefined && this.#steps.has(step);
  }

  /** The code asks for a step that has no answer yet. Live code that got here by way of something foreign was on its way before, too. */
  meet(step: string, code: "live" | "repeats"): void {
    if (this.#isOpen && (code === "repeats" || this.#steps.size === 0)) this.#steps.add(step);
  }

  over(step: string): void {
    this.#steps.delete(step);
  }

  close(): void {
    this.#isOpen = false;
    this.grace?.cancel();
    this.#steps.clear();
  }
}
