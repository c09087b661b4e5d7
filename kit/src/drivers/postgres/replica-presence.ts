import type { Clock } from "../../clock/mod.ts";
import type { Random } from "../../random/mod.ts";

/** Whether a replica is asked. `probing`: one read is trying it, the others go on to the primary. */
export type PresenceState =
  | { readonly kind: "up" }
  | {
      readonly kind: "away";
      readonly reason: string;
      readonly pauseMs: number;
      readonly untilMs: number;
      readonly isProbing: boolean;
    };

/** How a read may ask the replica. */
export type Admission = "ask" | "probe" | "no";

const firstPauseMs = 250;
const pauseMaxMs = 30_000;

/** Remembers that a replica is away, so that not every read waits for it: it is tried again by one read after 250 ms, doubled up to 30 s, each at
 *  random between a half and the whole. */
export class ReplicaPresence {
  readonly #clock: Clock;
  readonly #random: Random;
  #state: PresenceState = { kind: "up" };

  constructor(parts: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
  }

  get state(): PresenceState {
    return this.#state;
  }

  /** Whoever is admitted as `probe` calls `left` or `came` at the end. */
  admit(): Admission {
    const state = this.#state;
    if (state.kind === "up") return "ask";
    if (state.isProbing || this.#clock.monotonic() < state.untilMs) return "no";
    this.#state = { ...state, isProbing: true };
    return "probe";
  }

  came(): void {
    this.#state = { kind: "up" };
  }

  /** Of many reads that failed together only the first counts. */
  left(admission: Admission, reason: string): void {
    const before = this.#state;
    if (before.kind === "away" && admission !== "probe") return;
    const pauseMs = before.kind === "up" ? firstPauseMs : Math.min(pauseMaxMs, before.pauseMs * 2);
    const untilMs = this.#clock.monotonic() + pauseMs * (0.5 + this.#random.next() / 2);
    this.#state = { kind: "away", reason, pauseMs, untilMs, isProbing: false };
  }
}
