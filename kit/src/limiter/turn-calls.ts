import type { Clock, Timer } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import type { LimiterStore, StoreCall, Verdict } from "./store.ts";

/** Who hears of the end of a round trip: undefined, or what it failed with; and who tells of a verdict, undefined when there is none. */
export interface TurnEnds<Waiting> {
  ended(error: unknown): void;
  tell(waiting: Waiting, verdict: Verdict | undefined): void;
}

/** Who waits for what is told of a call. */
export interface WaitingCall {
  readonly call: StoreCall;
  /** When telling fails. */
  reject(error: unknown): void;
}

/** The calls of one turn of the event loop, asked in one round trip. */
export class TurnCalls<Waiting extends WaitingCall> {
  readonly #store: LimiterStore;
  readonly #clock: Clock;
  readonly #limits: TurnLimits;
  readonly #ends: TurnEnds<Waiting>;
  #waiting: Waiting[] = [];
  #pending = 0;

  constructor(store: LimiterStore, settings: TurnLimits & { readonly clock: Clock }, ends: TurnEnds<Waiting>) {
    this.#store = store;
    this.#clock = settings.clock;
    this.#limits = settings;
    this.#ends = ends;
  }

  /** There is no verdict when the store fails, takes longer than `timeoutMs`, or when `pendingMax` calls wait for it already. */
  ask(waiting: Waiting): void {
    if (this.#pending >= this.#limits.pendingMax) {
      this.#settle(waiting, undefined);
      return;
    }
    this.#pending++;
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) this.#clock.nextTurn(() => this.#flush());
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length <= batchMax) this.#send(waiting);
    else for (let from = 0; from < waiting.length; from += batchMax) this.#send(waiting.slice(from, from + batchMax));
  }

  #send(batch: readonly Waiting[]): void {
    let state: "open" | "ended" = "open";
    const end = (error: unknown, verdicts: readonly Verdict[]): void => {
      if (state === "ended") return;
      state = "ended";
      timer.cancel();
      this.#pending -= batch.length;
      this.#ends.ended(error);
      for (let index = 0; index < batch.length; index++) {
        const waiting = batch[index];
        if (waiting !== undefined) this.#settle(waiting, verdicts[index]);
      }
    };
    const { timeoutMs } = this.#limits;
    const late = (): void => end(new TimeoutError(`the limiter's store ${this.#store.name}`, timeoutMs), []);
    const timer: Timer = this.#clock.setTimer(timeoutMs, late, { holdsProcess: "no" });
    // Not mapped: the engine gives a mapped list another shape once it knows this function well, and forgets all that it knew of those that read it.
    const calls: StoreCall[] = [];
    for (const { call } of batch) calls.push(call);
    decided(this.#store, calls).then(
      (verdicts) => end(undefined, verdicts),
      (error: unknown) => end(error, []),
    );
  }

  #settle(waiting: Waiting, verdict: Verdict | undefined): void {
    try {
      this.#ends.tell(waiting, verdict);
    } catch (error) {
      waiting.reject(error);
    }
  }
}

/** Bounds of what waits for a store. */
export interface TurnLimits {
  readonly timeoutMs: number;
  readonly pendingMax: number;
}

// One message of about 100 KB at most, and some milliseconds of an embedded store.
const batchMax = 500;

async function decided(store: LimiterStore, calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
  const verdicts = await store.decide(calls);
  if (verdicts.length !== calls.length)
    throw new TypeError(`${store.name} gave ${verdicts.length} verdicts for ${calls.length} calls`);
  return verdicts;
}
