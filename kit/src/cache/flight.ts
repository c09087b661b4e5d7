import { abortable, type Gate, gate } from "../abort/mod.ts";
import type { LoadContext, Rule } from "./strategy.ts";
import type { FillToken } from "./shared-tier.ts";

/** What a flight begins with. */
export interface FlightStart<V> {
  readonly key: string;
  readonly rule: Rule<V>;
  /** Stamp of the last invalidation when it began: what is invalidated later is not known to it. */
  readonly stamp: number;
  readonly previous: V | undefined;
  /** `refresh`: something usable is in hand, and nobody waits for this. `look`: the shared tier is asked, and no loader. */
  readonly purpose: "miss" | "refresh" | "look";
  /** For how long what is in hand is still fresh; 0 when it is not, or nothing is. */
  readonly leftMs: number;
  readonly tags: readonly string[] | undefined;
}

/** Gets the values of some flights, in their order. */
export type LoadFlights<V> = (flights: readonly Flight<V>[]) => Promise<readonly (V | undefined)[]>;

/** One load of one key, on which any number of callers wait. It is the generation of its key: what is written later supersedes it. */
export class Flight<V> implements LoadContext<V> {
  readonly start: FlightStart<V>;
  /** The key was written or invalidated since: the result is for the waiters only. */
  isSuperseded = false;
  hasEnded = false;
  token: FillToken | undefined;
  /** Up to when it waits for another process's load, once it does. */
  waitsUntilMs: number | undefined;
  /** The answer if the load fails. */
  fallback: { readonly value: V | undefined } | undefined;
  readonly #abandoned: (flight: Flight<V>) => void;
  #load: LoadFlights<V> | undefined = undefined;
  /** Of a load that is one promise already: that one, so that no other is made. */
  #carrier: Promise<V | undefined> | undefined = undefined;
  #gate: Gate<V | undefined> | undefined = undefined;
  #waiters = 0;
  #controller: AbortController | undefined = undefined;

  /** `abandoned` is called when the last waiter has gone before the result came; a refresh is never abandoned. */
  constructor(start: FlightStart<V>, abandoned: (flight: Flight<V>) => void) {
    this.start = start;
    this.#abandoned = abandoned;
  }

  /** For loads whose end is told by `resolve` and `reject`. Flights with the same one are loaded together. */
  prepare(load: LoadFlights<V>): void {
    this.#load = load;
    this.#gate ??= silentGate();
  }

  get load(): LoadFlights<V> | undefined {
    return this.#load;
  }

  /** For a load that is itself the promise of the result. It tells `resolve` or `reject` too: its loader may have asked for its own key. */
  carry(result: Promise<V | undefined>): void {
    this.#carrier = result;
    if (this.start.purpose === "refresh") result.catch(ignored);
  }

  resolve(value: V | undefined): void {
    this.#gate?.open(value);
  }

  reject(error: unknown): void {
    this.#gate?.fail(error);
  }

  /** Given to its waiters. */
  get result(): Promise<V | undefined> {
    return this.#carrier ?? (this.#gate ??= silentGate()).promise;
  }

  get key(): string {
    return this.start.key;
  }

  get previous(): V | undefined {
    return this.start.previous;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  /** The result for one caller, who may stop waiting. */
  wait(signal: AbortSignal | undefined): Promise<V | undefined> {
    if (signal === undefined) {
      this.#waiters = Infinity;
      return this.result;
    }
    return this.#waitUntil(signal);
  }

  async #waitUntil(signal: AbortSignal): Promise<V | undefined> {
    if (signal.aborted) this.result.catch(ignored);
    signal.throwIfAborted();
    this.#waiters++;
    const onAbort = (): void => {
      if (--this.#waiters === 0 && this.start.purpose !== "refresh") this.#abandoned(this);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await abortable(this.result, signal);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}

// Those who wait hear of a failure through `result`; a refresh that fails is told by telemetry.
function ignored(): void {}

function silentGate<T>(): Gate<T> {
  const made = gate<T>();
  made.promise.catch(ignored);
  return made;
}
