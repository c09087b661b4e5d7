import type { Random } from "../random/mod.ts";
import { drawLatency } from "./latency.ts";
import type { NetworkLaw } from "./network-law.ts";

/** The way of messages from one node to another; the way back is a link of its own. */
export class Link {
  readonly from: string;
  readonly to: string;
  readonly #random: Random;
  #law: NetworkLaw;
  /** How many faults cut it; open at 0. */
  #cuts = 0;
  #cloggedUntilMs = 0;
  readonly #healed: (() => void)[] = [];

  constructor(from: string, to: string, parts: { readonly law: NetworkLaw; readonly random: Random }) {
    this.from = from;
    this.to = to;
    this.#law = parts.law;
    this.#random = parts.random;
  }

  get law(): NetworkLaw {
    return this.#law;
  }

  set law(law: NetworkLaw) {
    this.#law = law;
  }

  get state(): "open" | "cut" {
    return this.#cuts === 0 ? "open" : "cut";
  }

  /** Nothing passes until it has been mended as often. */
  cut(): void {
    this.#cuts++;
  }

  mend(): void {
    if (this.#cuts === 0 || --this.#cuts > 0) return;
    for (const told of this.#healed.splice(0)) told();
  }

  /** Calls `run` when nothing cuts the link any more. */
  whenMended(run: () => void): void {
    this.#healed.push(run);
  }

  /** What is sent until then arrives after it. */
  clog(untilMs: number): void {
    this.#cloggedUntilMs = Math.max(this.#cloggedUntilMs, untilMs);
  }

  /** When a message that is sent now arrives. */
  arrivalMs(nowMs: number): number {
    return Math.max(nowMs, this.#cloggedUntilMs) + drawLatency(this.#law.latency, this.#random);
  }

  /** How many copies of a message arrive: 0, 1 or 2. Draws the same number of words whatever the law, so that a change of it changes nothing else. */
  copies(): 0 | 1 | 2 {
    const isLost = this.#random.next() < this.#law.loss;
    const isDoubled = this.#random.next() < this.#law.duplication;
    if (isLost || this.#cuts > 0) return 0;
    return isDoubled ? 2 : 1;
  }
}
