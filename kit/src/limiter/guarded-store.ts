import type { Clock } from "../clock/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { afterFailure, afterSuccess, type BreakerRules, type BreakerState, permissionAt } from "./breaker.ts";
import { LocalShare } from "./local-share.ts";
import type { JudgedBy } from "./decision.ts";
import type { LimiterStore, NowStore, StoreCall, Verdict } from "./store.ts";
import { TurnCalls, type TurnLimits, type Waiting } from "./turn-calls.ts";

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

/** Where decisions are asked for. What the store does is never a reason to reject. */
export interface Judges {
  /** In callbacks: each promise in between would cost as much as the rest of a call. */
  ask(asking: Waiting<Judged>): void;
  /** For permits that `by` has judged: no other store knows of them. */
  askAgain(by: JudgedBy, call: StoreCall): Promise<Judged>;
}

/** A store that is always there. */
export class DirectStore implements Judges {
  readonly #store: NowStore;

  constructor(store: NowStore) {
    this.#store = store;
  }

  ask({ call, resolve }: Waiting<Judged>): void {
    resolve(this.#judge(call));
  }

  askAgain(_by: JudgedBy, call: StoreCall): Promise<Judged> {
    return Promise.resolve(this.#judge(call));
  }

  #judge(call: StoreCall): Judged {
    return { by: "store", verdict: this.#store.decideNow(call), restMs: 0 };
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
  readonly #calls: TurnCalls<Judged>;
  readonly #share: LocalShare | undefined;
  #state: BreakerState = { kind: "closed", failures: 0 };

  constructor(store: LimiterStore, settings: GuardSettings) {
    const { storeDown } = settings;
    this.#settings = settings;
    this.#store = store.name;
    this.#calls = new TurnCalls(store, settings, {
      ended: (error) => this.#ended(error),
      told: (call, verdict) => (verdict === undefined ? this.#spare(call) : { by: "store", verdict, restMs: 0 }),
    });
    this.#share = typeof storeDown === "string" ? undefined : new LocalShare(storeDown.local, storeDown.share);
  }

  ask(asking: Waiting<Judged>): void {
    // Without a look at the clock, nearly always.
    const isClosed = this.#state.kind === "closed";
    const permission = isClosed ? "ask" : permissionAt(this.#state, this.#settings.clock.monotonic());
    if (permission === "spare") {
      asking.resolve(this.#spare(asking.call));
      return;
    }
    if (permission === "probe") this.#state = { kind: "probing" };
    this.#calls.ask(asking);
  }

  async askAgain(by: JudgedBy, call: StoreCall): Promise<Judged> {
    if (by === "store") return await new Promise((resolve, reject) => this.ask({ call, resolve, reject }));
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
