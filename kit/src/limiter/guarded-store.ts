import type { Clock } from "../clock/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { afterFailure, afterSuccess, type BreakerRules, type BreakerState, permissionAt } from "./breaker.ts";
import { LocalShare } from "./local-share.ts";
import type { JudgedBy } from "./decision.ts";
import type { LimiterStore, NowStore, StoreCall, Verdict } from "./store.ts";
import { TurnCalls, type TurnLimits } from "./turn-calls.ts";

/**
 * What happens to calls that the store cannot judge. "open": they pass, unlimited. "closed": they are refused. Local share: a store in this
 * process judges them by the same rules with `share` of their figures, for example 0.25 with four processes.
 */
export type StoreDown = "open" | "closed" | { readonly local: NowStore; readonly share: number };

/** A verdict and whose it is. */
export interface Judged {
  readonly by: JudgedBy;
  readonly verdict: Verdict;
  /** Time after which the store is asked again; 0 unless nobody judged. */
  readonly restMs: number;
}

/** Where decisions are asked for. Never rejects. */
export interface Judges {
  ask(call: StoreCall): Promise<Judged>;
  /** For permits that `by` has judged: no other store knows of them. */
  askAgain(by: JudgedBy, call: StoreCall): Promise<Judged>;
}

/** A store that is always there. */
export class DirectStore implements Judges {
  readonly #store: NowStore;

  constructor(store: NowStore) {
    this.#store = store;
  }

  ask(call: StoreCall): Promise<Judged> {
    return Promise.resolve({ by: "store", verdict: this.#store.decideNow(call), restMs: 0 });
  }

  askAgain(_by: JudgedBy, call: StoreCall): Promise<Judged> {
    return this.ask(call);
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
  readonly #calls: TurnCalls;
  readonly #share: LocalShare | undefined;
  #state: BreakerState = { kind: "closed", failures: 0 };

  constructor(store: LimiterStore, settings: GuardSettings) {
    const { storeDown } = settings;
    this.#settings = settings;
    this.#store = store.name;
    this.#calls = new TurnCalls(store, settings, (error) => this.#ended(error));
    this.#share = typeof storeDown === "string" ? undefined : new LocalShare(storeDown.local, storeDown.share);
  }

  async ask(call: StoreCall): Promise<Judged> {
    const permission = permissionAt(this.#state, this.#settings.clock.monotonic());
    if (permission === "spare") return this.#spare(call);
    if (permission === "probe") this.#state = { kind: "probing" };
    try {
      return { by: "store", verdict: await this.#calls.ask(call), restMs: 0 };
    } catch {
      return this.#spare(call); // heard of by #ended
    }
  }

  async askAgain(by: JudgedBy, call: StoreCall): Promise<Judged> {
    if (by === "store") return await this.ask(call);
    return by === "local" ? this.#spare(call) : { by, verdict: unlimited, restMs: 0 };
  }

  #spare(call: StoreCall): Judged {
    if (this.#share !== undefined) return { by: "local", verdict: this.#share.decide(call), restMs: 0 };
    const verdict = this.#settings.storeDown === "open" ? unlimited : barred;
    return { by: "nobody", verdict, restMs: this.#restMs() };
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
