import { telemetryChannel } from "../telemetry/mod.ts";
import type { EjectionReason, EjectionRules } from "./ejection-rules.ts";
import { beginWindow, outliersOf } from "./outlier.ts";
import { isTrusted, isUp, type Slot } from "./slot.ts";

const ejected = telemetryChannel("ashlar.balancer.ejected");
const returned = telemetryChannel("ashlar.balancer.returned");

/** What an ejector works on. */
export interface EjectorOptions {
  /** Undefined ejects nobody. */
  readonly rules: EjectionRules | undefined;
  /** Name of the balancer, for telemetry. */
  readonly balancer: string;
  /** The slots of the set at the moment. */
  readonly slots: () => readonly Slot[];
  /** A slot was ejected or is back. */
  readonly onChange: (slot: Slot, change: "ejected" | "returned", nowMs: number) => void;
}

/** Takes slots out for a time when the outcomes of their calls stand out, and puts them back. It has no timer: call `run` at `dueMs`. */
export class Ejector {
  readonly #options: EjectorOptions;
  #sweepAtMs: number;
  #returnAtMs = Infinity;

  constructor(options: EjectorOptions, nowMs: number) {
    this.#options = options;
    this.#sweepAtMs = options.rules === undefined ? Infinity : nowMs + options.rules.sweepMs;
  }

  /** When `run` has something to do: every pick asks. */
  get dueMs(): number {
    return this.#sweepAtMs < this.#returnAtMs ? this.#sweepAtMs : this.#returnAtMs;
  }

  /** Call after each error. */
  onError(slot: Slot, nowMs: number): void {
    const { rules } = this.#options;
    if (rules !== undefined && slot.failedInRow >= rules.consecutiveErrors)
      this.#eject(slot, "consecutive-errors", nowMs);
  }

  /** Puts back whose time is over, then compares. */
  run(nowMs: number): void {
    if (nowMs >= this.#returnAtMs) this.#return(nowMs);
    const { rules } = this.#options;
    if (rules === undefined || nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + rules.sweepMs;
    const present = this.#options.slots().filter((slot) => slot.ejectedUntilMs === 0);
    const outliers = outliersOf(present, rules);
    // Each quiet sweep takes one off the count by which the next ejection grows.
    for (const slot of present)
      if (slot.failedInRow === 0 && nowMs - slot.returnedAtMs >= rules.sweepMs)
        slot.ejections = Math.max(0, slot.ejections - 1);
    for (const { slot, reason } of outliers) this.#eject(slot, reason, nowMs);
  }

  /** Puts all back at once. */
  #return(nowMs: number): void {
    this.#returnAtMs = Infinity;
    for (const slot of this.#options.slots()) {
      if (slot.ejectedUntilMs === 0) continue;
      if (nowMs < slot.ejectedUntilMs) {
        this.#returnAtMs = Math.min(this.#returnAtMs, slot.ejectedUntilMs);
        continue;
      }
      slot.returnedAtMs = slot.ejectedUntilMs;
      slot.ejectedUntilMs = 0;
      slot.failedInRow = 0;
      slot.slowSweeps = 0;
      beginWindow(slot);
      this.#options.onChange(slot, "returned", nowMs);
      if (returned.active) returned.publish({ balancer: this.#options.balancer, endpoint: slot.endpoint.id });
    }
  }

  #eject(slot: Slot, reason: EjectionReason, nowMs: number): void {
    const { rules, balancer } = this.#options;
    if (rules === undefined || !this.#maySpare(slot, rules)) return;
    slot.ejections++;
    const forMs = Math.min(rules.baseMs * slot.ejections, rules.longestMs);
    slot.ejectedUntilMs = nowMs + forMs;
    this.#returnAtMs = Math.min(this.#returnAtMs, slot.ejectedUntilMs);
    this.#options.onChange(slot, "ejected", nowMs);
    if (ejected.active)
      ejected.publish({ balancer, endpoint: slot.endpoint.id, reason, ejections: slot.ejections, forMs });
  }

  /** The bound holds after the ejection, over all that are up; and another trusted one must be left. */
  #maySpare(slot: Slot, rules: EjectionRules): boolean {
    if (!slot.isPresent || slot.ejectedUntilMs !== 0) return false;
    const up = this.#options.slots().filter(isUp);
    const outMax = Math.max(1, Math.floor(up.length * rules.shareMax));
    const out = up.filter((other) => other.ejectedUntilMs !== 0).length;
    return out < outMax && up.some((other) => other !== slot && isTrusted(other));
  }
}
