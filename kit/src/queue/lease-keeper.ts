import { abortable, signalAfter } from "../abort/mod.ts";
import type { Clock, Timer } from "../clock/mod.ts";
import { turnoverMap, type TurnoverMap } from "../collections/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import type { MessageEngine, Receipt } from "../engine/mod.ts";

/** A lease as the keeper sees it. */
export interface Lease {
  readonly claim: { readonly receipt: Receipt };
  leaseUntilMs: number;
}

export interface LeaseKeeperOptions<L extends Lease> {
  readonly engine: MessageEngine;
  readonly leaseMs: number;
  /** Called once for a lease that is somebody else's, or may be. It has left the keeper. */
  readonly onLost: (lease: L) => void;
  readonly onExtendFault: (error: unknown) => void;
}

/** Renews all leases of a worker with one call, three times per lease: two renewals in a row may fail before one runs out. */
export class LeaseKeeper<L extends Lease> {
  readonly #engine: MessageEngine;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #onLost: (lease: L) => void;
  readonly #onExtendFault: (error: unknown) => void;
  readonly #held: TurnoverMap<L, L> = turnoverMap();
  #timer: Timer;
  #renewing: Promise<void> | undefined;
  /** The renewal under way when the timer last rang. */
  #unanswered: Promise<void> | undefined;
  /** When all leases were last known to have most of their time before them. */
  #freshAtMs: number;

  constructor(options: LeaseKeeperOptions<L>) {
    this.#engine = options.engine;
    this.#clock = options.engine.clock;
    this.#leaseMs = options.leaseMs;
    this.#onLost = options.onLost;
    this.#onExtendFault = options.onExtendFault;
    this.#freshAtMs = this.#clock.now();
    this.#timer = this.#setTimer();
  }

  hold(lease: L): void {
    this.#held.set(lease, lease);
  }

  drop(lease: L): void {
    this.#held.delete(lease);
  }

  /** Renews what is not fresh; leases that are lost leave the keeper. One renewal at a time: callers share it. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** For when the timer could not ring in time, because the event loop was blocked or the machine slept: resolves once what is held is renewed
   *  or lost. `undefined` when there is no need to wait. Rejects when the renewal is not answered in time. */
  freshen(): Promise<void> | undefined {
    const isFresh = this.#held.size === 0 || this.#clock.now() - this.#freshAtMs < this.#leaseMs / 2;
    return isFresh ? undefined : this.#renewSoon();
  }

  stop(): void {
    this.#timer.cancel();
    this.#held.clear();
  }

  #setTimer(): Timer {
    const ring = (): void => {
      this.#timer = this.#setTimer();
      // A renewal that has not been answered since the last ring: what is over meanwhile may be in other hands.
      if (this.#renewing !== undefined && this.#renewing === this.#unanswered)
        this.#loseOver([...this.#held.values()], this.#clock.now());
      else void this.renew();
      this.#unanswered = this.#renewing;
    };
    return this.#clock.setTimer(this.#leaseMs / 3, ring, { holdsProcess: "no" });
  }

  async #renewSoon(): Promise<void> {
    const limitMs = this.#leaseMs / 3;
    using limit = signalAfter(this.#clock, limitMs, () => new TimeoutError("the renewal of leases", limitMs));
    await abortable(this.renew(), limit.signal);
  }

  async #renew(): Promise<void> {
    // Taken before the call: the engine counts from a later moment, so we never believe in a lease for longer than it does.
    const nowMs = this.#clock.now();
    const stale = [...this.#held.values()].filter((lease) => lease.leaseUntilMs - nowMs < this.#leaseMs * 0.75);
    if (stale.length === 0) {
      this.#freshAtMs = nowMs;
      return;
    }
    try {
      const receipts = stale.map((lease) => lease.claim.receipt);
      const kept = await this.#engine.extend(receipts, this.#leaseMs);
      stale.forEach((lease, index) => {
        if (kept[index] === true) lease.leaseUntilMs = nowMs + this.#leaseMs;
        else this.#lose(lease);
      });
      this.#freshAtMs = nowMs;
    } catch (error) {
      this.#onExtendFault(error);
      // Whether others took over is unknown, but from here on they may: act as if they did.
      this.#loseOver(stale, nowMs);
    }
  }

  #loseOver(leases: readonly L[], nowMs: number): void {
    for (const lease of leases) if (lease.leaseUntilMs <= nowMs) this.#lose(lease);
  }

  #lose(lease: L): void {
    // Not there: settled meanwhile, and the engine no longer knows the receipt because the job is done.
    if (this.#held.delete(lease)) this.#onLost(lease);
  }
}
