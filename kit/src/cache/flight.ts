import { abortable, gate } from "../abort/mod.ts";
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

/** One load of one key, on which any number of callers wait. It is the generation of its key: what is written later supersedes it. */
export class Flight<V> implements LoadContext<V> {
  readonly start: FlightStart<V>;
  /** Given to its waiters. */
  readonly result: Promise<V | undefined>;
  /** The key was written or invalidated since: the result is for the waiters only. */
  isSuperseded = false;
  hasEnded = false;
  token: FillToken | undefined;
  /** Up to when it waits for another process's load, once it does. */
  waitsUntilMs: number | undefined;
  /** The answer if the load fails. */
  fallback: { readonly value: V | undefined } | undefined;
  readonly #gate = gate<V | undefined>();
  #waiters = 0;
  #controller: AbortController | undefined;
  #abandoned: () => void = () => undefined;

  constructor(start: FlightStart<V>) {
    this.start = start;
    this.result = this.#gate.promise;
    // Those who wait hear of it through `result`; a refresh that fails is told by telemetry.
    this.result.catch(() => undefined);
  }

  resolve(value: V | undefined): void {
    this.#gate.open(value);
  }

  reject(error: unknown): void {
    this.#gate.fail(error);
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

  /** Calls `abandoned` when the last waiter has gone before the result came; a refresh is never abandoned. */
  onAbandoned(abandoned: () => void): void {
    this.#abandoned = abandoned;
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
    signal.throwIfAborted();
    this.#waiters++;
    const onAbort = (): void => {
      if (--this.#waiters === 0 && this.start.purpose !== "refresh") this.#abandoned();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await abortable(this.result, signal);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
