import type { Room } from "./policy.ts";

const windowAtFirst = 0.01;
const windowPartMax = 0.8;
const stepAtFirst = 0.0625;
const stepDecay = 0.9;
/** A ratio that changed by so much says that the work has changed: steps are large again. */
const restartAt = 0.05;
const sampleFactor = 4;
/** Of fewer uses a ratio says too little. */
const sampleMin = 4_096;
/** A window so small is not made smaller for want of evidence. */
const windowUnsuspected = 0.05;

/**
 * Moves the size of a window in the direction in which the ratio of hits rises. A change that is no larger than chance would make it
 * is no evidence: then the window goes back towards its small beginning, which is the better one for most work, so that it does not
 * wander. One comparison in so many uses, nothing else.
 */
export class WindowClimber {
  readonly #weightMax: number;
  readonly #windowMin: number;
  #sampleMax = sampleMin;
  #windowMax: number;
  #step: number;
  #hits = 0;
  #uses = 0;
  #ratio: number | undefined;

  constructor(room: Room) {
    this.#weightMax = room.weightMax;
    this.#windowMin = Math.max(1, Math.round(room.weightMax * windowAtFirst));
    this.#windowMax = this.#windowMin;
    this.#step = room.weightMax * stepAtFirst;
    this.grow(room.entries);
  }

  get windowMax(): number {
    return this.#windowMax;
  }

  grow(entries: number): void {
    this.#sampleMax = Math.max(sampleMin, entries * sampleFactor);
  }

  /** Whether the window has another size now. */
  record(outcome: "hit" | "miss"): boolean {
    if (outcome === "hit") this.#hits++;
    if (++this.#uses < this.#sampleMax) return false;
    const ratio = this.#hits / this.#uses;
    this.#step = this.#nextStep(ratio, ratio - (this.#ratio ?? ratio));
    const to = Math.round(this.#windowMax + this.#step);
    this.#windowMax = Math.max(this.#windowMin, Math.min(Math.floor(this.#weightMax * windowPartMax), to));
    this.#ratio = ratio;
    this.#hits = 0;
    this.#uses = 0;
    return true;
  }

  #nextStep(ratio: number, change: number): number {
    const chance = Math.sqrt((ratio * (1 - ratio) * 2) / this.#uses);
    if (Math.abs(change) >= restartAt) return Math.sign(change) * Math.sign(this.#step) * this.#weightMax * stepAtFirst;
    if (change < 0) return -this.#step / 2;
    if (change >= chance) return this.#step;
    const isSuspect = this.#windowMax > this.#weightMax * windowUnsuspected;
    return isSuspect ? -Math.abs(this.#step) * stepDecay : this.#step * stepDecay;
  }
}
