import type { Clock, Timer } from "../clock/mod.ts";
import { KitError, TimeoutError } from "../errors/mod.ts";
import type { LimiterStore, StoreCall, Verdict } from "./store.ts";

/** The calls of one turn of the event loop, asked in one round trip. */
export class TurnCalls {
  readonly #store: LimiterStore;
  readonly #clock: Clock;
  readonly #limits: TurnLimits;
  readonly #ended: (error: unknown) => void;
  #waiting: Waiting[] = [];
  #pending = 0;

  /** `ended` hears of each round trip: undefined, or what it failed with. */
  constructor(store: LimiterStore, settings: TurnLimits & { readonly clock: Clock }, ended: (error: unknown) => void) {
    this.#store = store;
    this.#clock = settings.clock;
    this.#limits = settings;
    this.#ended = ended;
  }

  /** Rejects when the store fails, takes longer than `timeoutMs`, or when `pendingMax` calls wait for it already. */
  ask(call: StoreCall): Promise<Verdict> {
    if (this.#pending >= this.#limits.pendingMax) return Promise.reject(new StoreBusyError(this.#limits.pendingMax));
    this.#pending++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      if (this.#waiting.length === 1) this.#clock.nextTurn(() => this.#flush());
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += batchMax) this.#send(waiting.slice(from, from + batchMax));
  }

  #send(batch: readonly Waiting[]): void {
    let state: "open" | "ended" = "open";
    const end = (error: unknown, settle: (waiting: Waiting, index: number) => void): void => {
      if (state === "ended") return;
      state = "ended";
      timer.cancel();
      this.#pending -= batch.length;
      this.#ended(error);
      for (const [index, waiting] of batch.entries()) settle(waiting, index);
    };
    const fail = (error: unknown): void => end(error, ({ reject }) => reject(error));
    const { timeoutMs } = this.#limits;
    const late = (): void => fail(new TimeoutError(`the limiter's store ${this.#store.name}`, timeoutMs));
    const timer: Timer = this.#clock.setTimer(timeoutMs, late, { holdsProcess: "no" });
    decided(this.#store, batch).then((verdicts) => {
      end(undefined, ({ resolve }, index) => resolve(verdicts[index] ?? missing));
    }, fail);
  }
}

/** Bounds of what waits for a store. */
export interface TurnLimits {
  readonly timeoutMs: number;
  readonly pendingMax: number;
}

interface Waiting {
  readonly call: StoreCall;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
}

/** So many calls wait for the store that one more is not sent. */
class StoreBusyError extends KitError {
  readonly code = "LIMITER_STORE_BUSY";
  readonly retryable = true;

  constructor(pendingMax: number) {
    super(`${pendingMax} calls wait for the limiter's store`);
  }
}

// One message of about 100 KB at most, and some milliseconds of an embedded store.
const batchMax = 500;
const missing: Verdict = { kind: "refused", standings: [] };

async function decided(store: LimiterStore, batch: readonly Waiting[]): Promise<readonly Verdict[]> {
  const verdicts = await store.decide(batch.map(({ call }) => call));
  if (verdicts.length !== batch.length)
    throw new TypeError(`${store.name} gave ${verdicts.length} verdicts for ${batch.length} calls`);
  return verdicts;
}
