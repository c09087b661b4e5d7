import { balancer, type Balancer, type Endpoint, type PickRequest } from "../balancer/mod.ts";
import type { Clock } from "../clock/mod.ts";
import type { Random } from "../random/mod.ts";
import { abortable, gate, type Gate } from "../abort/mod.ts";
import type { Directory } from "../registry/mod.ts";
import { retryBudget, type RetryBudget } from "../resilience/mod.ts";

/** The instances of one service elsewhere, and which of them the next call goes to. */
export class RemoteTarget implements Disposable {
  /** Extra attempts: at most a fifth of the calls, and ten saved up. */
  readonly budget: RetryBudget = retryBudget({ ratio: 0.2, reserve: 10 });
  readonly #calls: Balancer;
  /** Streams and waiting reads are as long as they are: their time says nothing, and would make an instance look slow. */
  readonly #long: Balancer;
  readonly #following: Disposable;
  readonly #clock: Clock;
  readonly #waiting = new Set<Gate<void>>();

  constructor(
    service: string,
    parts: { directory: Directory; clock: Clock; random: Random; zone: string | undefined },
  ) {
    const { directory, clock, random, zone } = parts;
    this.#clock = clock;
    const own = random.stream(service);
    this.#calls = balancer({ name: service, clock, random: own, zone });
    const algorithm = "two-choices";
    this.#long = balancer({ name: `${service} streams`, algorithm, ejection: "off", clock, random: own, zone });
    this.#following = directory.follow(service, (endpoints) => this.#update(endpoints));
  }

  /** The report of the balancer. */
  describe(): ReturnType<Balancer["describe"]> {
    return this.#calls.describe();
  }

  pick(request: PickRequest, length: "call" | "long"): ReturnType<Balancer["pick"]> {
    return (length === "call" ? this.#calls : this.#long).pick(request);
  }

  /** Whether there is an instance besides those. */
  hasOther(tried: readonly string[], length: "call" | "long"): boolean {
    using pick = this.pick({ except: tried }, length);
    return pick.kind === "picked";
  }

  /** Resolves when the set has changed, or after `withinMs`; rejects with the signal's reason. */
  async change(withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    const changed = gate();
    this.#waiting.add(changed);
    const timer = this.#clock.setTimer(withinMs, () => changed.open());
    try {
      await abortable(changed.promise, signal);
    } finally {
      timer.cancel();
      this.#waiting.delete(changed);
    }
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
    for (const changed of this.#waiting) changed.open();
  }

  #update(endpoints: readonly Endpoint[]): void {
    this.#calls.update(endpoints);
    this.#long.update(endpoints);
    for (const changed of this.#waiting) changed.open();
  }
}
