import type { Clock } from "../clock/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { afterFailure, afterSuccess, type BreakerRules, type BreakerState, permissionAt } from "./breaker.ts";
import { LocalShare } from "./local-share.ts";
import type { JudgedBy } from "./decision.ts";
import type { LimiterStore, NowStore, StoreCall, Verdict } from "./store.ts";
import { TurnCalls, type TurnLimits, type WaitingCall } from "./turn-calls.ts";

/**
 * What happens to calls that the store cannot judge. "open": they pass, unlimited. "closed": they are refused. Local share: a store in this
 * process judges them by the same rules with `share` of their figures, for example 0.25 with four processes.
 */
export type StoreDown = "open" | "closed" | { readonly local: NowStore; readonly share: number };

/** A verdict and whose it is. */
export interface Judged {
  readonly by: JudgedBy;
  readonly verdict: Verdict;
}

/** Who waits for a verdict. */
export interface Asking extends WaitingCall {
  /** `restMs`: time after which the store is asked again; 0 unless nobody judged. Not one object of the three: a burst of takes would pay for it. */
  tell(by: JudgedBy, verdict: Verdict, restMs: number): void;
}

/** Where decisions are asked for. What the store does is never a reason to reject. */
export interface Judges {
  /** In callbacks: each promise in between would cost as much as the rest of a call. */
  ask(asking: Asking): void;
  /** For permits that `by` has judged: no other store knows of them. */
  askAgain(by: JudgedBy, call: StoreCall): Promise<Judged>;
}

/** A store that is always there. */
export class DirectStore implements Judges {
  readonly #store: NowStore;

  constructor(store: NowStore) {
    this.#store = store;
  }

  ask(asking: Asking): void {
    asking.tell("store", this.#store.decideNow(asking.call), 0);
  }

  askAgain(_by: JudgedBy, call: StoreCall): Promise<Judged> {
    return Promise.resolve({ by: "store", verdict: this.#store.decideNow(call) });
  }
}

/** What a {@link GuardedStore} is made of. */
export interface GuardSettings extends TurnLimits, BreakerRules {
  readonly limiter: string;
  readonly clock: Clock;
  readonly storeDown: StoreDown;
}

const storeState = telemetryChannel("ashlar.limiter.store");

/** A store behind a breaker. */
export class GuardedStore implements Judges {
  readonly #settings: GuardSettings;
  readonly #store: string;
  readonly #calls: TurnCalls<Asking>;
  readonly #share: LocalShare | undefined;
  #state: BreakerState = { kind: "closed", failures: 0 };

  constructor(store: LimiterStore, settings: GuardSettings) {
    const { storeDown } = settings;
    this.#settings = settings;
    this.#store = store.name;
    this.#calls = new TurnCalls(store, settings, {
      ended: (error) => this.#ended(error),
      tell: (asking, verdict) => (verdict === undefined ? this.#spare(asking) : asking.tell("store", verdict, 0)),
    });
    this.#share = typeof storeDown === "string" ? undefined : new LocalShare(storeDown.local, storeDown.share);
  }

  ask(asking: Asking): void {
    // Without a look at the clock, nearly always.
    const isClosed = this.#state.kind === "closed";
    const permission = isClosed ? "ask" : permissionAt(this.#state, this.#settings.clock.monotonic());
    if (permission === "spare") {
      this.#spare(asking);
      return;
    }
    if (permission === "probe") this.#state = { kind: "probing" };
    this.#calls.ask(asking);
  }

  askAgain(by: JudgedBy, call: StoreCall): Promise<Judged> {
    return new Promise((resolve, reject) => {
      const asking: Asking = { call, tell: (judge, verdict) => resolve({ by: judge, verdict }), reject };
      if (by === "store") this.ask(asking);
      else if (by === "local") this.#spare(asking);
      else resolve({ by, verdict: unlimited });
    });
  }

  #spare(asking: Asking): void {
    if (this.#share !== undefined) asking.tell("local", this.#share.decide(asking.call), 0);
    else asking.tell("nobody", this.#settings.storeDown === "open" ? unlimited : barred, this.#restMs());
  }

  #restMs(): number {
    const { clock, coolDownMs } = this.#settings;
    return this.#state.kind === "open" ? Math.max(0, this.#state.untilMs - clock.monotonic()) : coolDownMs;
  }

  #ended(error: unknown): void {
    const before = this.#state;
    const { clock, limiter } = this.#settings;
    this.#state = error === undefined ? afterSuccess(before) : afterFailure(before, clock.monotonic(), this.#settings);
    if (!storeState.active) return;
    const store = this.#store;
    if (before.kind !== "open" && this.#state.kind === "open")
      storeState.publish({ limiter, store, state: "down", error });
    if (before.kind === "probing" && this.#state.kind === "closed") storeState.publish({ limiter, store, state: "up" });
  }
}

const unlimited: Verdict = { kind: "granted", standings: [] };
const barred: Verdict = { kind: "refused", standings: [] };
