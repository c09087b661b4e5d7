import type { Algorithm, Ask } from "./algorithm.ts";
import type { Rule } from "./rule.ts";

/** Numbers that a server has answered, one after another. */
export interface Answer {
  next(): number;
}

interface Told {
  readonly total: number;
  readonly lastUntilUs: number;
}

const nothing: Told = { total: 0, lastUntilUs: 0 };

/** A rule that keeps entries, as far as the server has told of them: their number is not ours to hold. It is asked in the order of the answer. */
export class ToldEntries implements Algorithm {
  readonly #limit: number;
  readonly #told = new Map<number, Told>();
  readonly #answer: () => Answer;

  constructor({ limit }: Rule, answer: () => Answer) {
    this.#limit = limit;
    this.#answer = answer;
  }

  waitUs(slot: number, _nowUs: number, { cost }: Ask): number {
    const answer = this.#answer();
    const waitUs = answer.next();
    const total = answer.next();
    this.#told.set(slot, { total, lastUntilUs: answer.next() });
    return cost > this.#limit ? Infinity : waitUs;
  }

  remaining(slot: number): number {
    return Math.max(0, Math.floor(this.#limit - this.#of(slot).total));
  }

  idleAtUs(slot: number): number {
    const { total, lastUntilUs } = this.#of(slot);
    return total === 0 ? 0 : lastUntilUs;
  }

  level(): number {
    return 0;
  }

  shift(): number {
    return 0;
  }

  delayUs(): number {
    return 0;
  }

  /** Done by the server, as what follows. */
  take(): void {}

  takeIfFits(slot: number, nowUs: number, ask: Ask): number {
    return this.waitUs(slot, nowUs, ask);
  }

  giveBack(): void {}

  clear(slot: number): void {
    this.#told.delete(slot);
  }

  #of(slot: number): Told {
    return this.#told.get(slot) ?? nothing;
  }
}
