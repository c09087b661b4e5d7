import type { Timer } from "../../clock/mod.ts";
import { turnoverMap } from "../../collections/mod.ts";
import type { ClaimRequest, ClaimResult } from "../engine.ts";
import { withFailure } from "../failure-list.ts";
import { crashesDefault } from "../limits.ts";
import type { Claim, Receipt, Settlement } from "../message.ts";
import type { Entry } from "./entry.ts";
import type { Carried } from "./envelope.ts";
import type { Inflow } from "./inflow.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Outflow } from "./outflow.ts";

interface Held {
  readonly entry: Entry;
  leaseUntilMs: number;
}

export interface QueueReaderParts {
  readonly queue: string;
  readonly options: ResolvedOptions;
  readonly inflow: Inflow;
  readonly outflow: Outflow;
  readonly ring: () => void;
}

/** How long a suspect waits at the broker before it is looked at again. */
const suspectPauseMs = 100;

/** One queue as this process sees it: what it has claimed, and what came and waits. The broker gives a message to one process at a time; the leases
 *  of that process are kept here. */
export class QueueReader implements AsyncDisposable {
  readonly #parts: QueueReaderParts;
  readonly #held = turnoverMap<string, Held>();
  #sweep: Timer | undefined;
  #claimsSinceSweep = 0;
  #isDisposed = false;

  constructor(parts: QueueReaderParts) {
    this.#parts = parts;
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { inflow, options } = this.#parts;
    const { count, crashesMax = crashesDefault } = request;
    this.#claimsSinceSweep++;
    this.#rescue(options.clock.now());
    await inflow.reach(this.#held.size + count);
    await inflow.fill(count);
    await this.#bury(crashesMax);
    const chosen = this.#choose(request);
    const claims = chosen.map((entry) => this.#claimed(entry, request.leaseMs));
    await this.#parkSuspects();
    this.#armSweep();
    // Whoever asks again and again must leave the socket a turn to bring something.
    if (claims.length === 0) await new Promise<void>((resolve) => options.clock.nextTurn(resolve));
    return { claims, nextDueAtMs: this.#nextEndMs() };
  }

  /** A message came and waits. */
  arrived(): void {
    if (this.#holdsSuspect()) void this.#parkSuspects().catch(() => undefined);
    this.#parts.ring();
  }

  extend(receipt: Receipt, leaseMs: number): boolean {
    const held = this.#current(receipt);
    if (held === undefined) return false;
    held.leaseUntilMs = this.#parts.options.clock.now() + leaseMs;
    return true;
  }

  /** Something was put into the queue by this process. */
  expectMore(): void {
    this.#parts.inflow.expectMore();
  }

  holds(receipt: Receipt): boolean {
    return this.#current(receipt) !== undefined;
  }

  /** `false`: the receipt is not the current one. Resolves once the broker has received it. */
  async settle(receipt: Receipt, as: Settlement): Promise<boolean> {
    const held = this.#current(receipt);
    if (held === undefined) return false;
    const { inflow, ring } = this.#parts;
    this.#held.delete(receipt.id);
    if (as.kind === "release") {
      inflow.putBack(held.entry);
      this.#armSweep();
      ring();
      return true;
    }
    if (as.kind !== "ack")
      try {
        await this.#moveOn(held.entry, as);
      } catch (error) {
        // Not recorded: the claim goes on, unless the channel went as well.
        if (inflow.isCurrent(held.entry)) this.#held.set(receipt.id, held);
        throw error;
      }
    inflow.acknowledge(held.entry);
    await inflow.synced();
    return true;
  }

  /** The channel is gone, and every claim with it. */
  lost(): void {
    this.#held.clear();
    if (!this.#isDisposed) this.#parts.ring();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#sweep?.cancel();
    const { inflow } = this.#parts;
    await this.#handBack().catch(() => undefined);
    this.#held.clear();
    await inflow[Symbol.asyncDispose]();
  }

  #current({ id, token }: Receipt): Held | undefined {
    const held = this.#held.get(id);
    if (held?.entry.token !== token || !this.#parts.inflow.isCurrent(held.entry)) return undefined;
    return held;
  }

  /** Publishes what is to come of the message, before the one that is here is acknowledged: a crash between the two leaves both. */
  async #moveOn(entry: Entry, as: Exclude<Settlement, { readonly kind: "ack" | "release" }>): Promise<void> {
    const { queue, outflow, inflow } = this.#parts;
    const { lane } = entry;
    const kept = entry.kept();
    switch (as.kind) {
      case "retry":
        inflow.expectMore();
        return outflow.send({ queue, lane, delayMs: as.delayMs }, failed(kept, as.failure));
      case "park":
        inflow.expectMore();
        return outflow.send({ queue, lane, delayMs: as.delayMs ?? 0 }, { ...kept, crashes: 0, isSuspect: false });
      case "dead":
        return outflow.bury(queue, failed(kept, as.failure), as.reason);
      default:
        throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
    }
  }

  /** Leases that are over end now, because somebody asks; their messages wait again, in their old places. */
  #rescue(overAtMs: number): void {
    for (const held of this.#held.values()) {
      if (held.leaseUntilMs > overAtMs) continue;
      this.#held.delete(held.entry.carried.id);
      held.entry.crashed();
      this.#parts.inflow.putBack(held.entry);
    }
  }

  async #bury(crashesMax: number): Promise<void> {
    const { inflow, outflow, queue } = this.#parts;
    const doomed = inflow.waiting.filter((entry) => entry.crashes >= crashesMax);
    if (doomed.length === 0) return;
    inflow.take(new Set(doomed));
    await Promise.all(
      doomed.map(async (entry) => {
        try {
          await outflow.bury(queue, entry.kept(), "crashed");
          inflow.acknowledge(entry);
        } catch {
          // Nowhere to bury it now: the next claim tries again.
          if (inflow.isCurrent(entry)) inflow.putBack(entry);
        }
      }),
    );
    await inflow.synced();
  }

  /** Suspects first, as many as are wanted; then the others; all of them in the common order. */
  #choose({ count, suspects = count, crashesMax = crashesDefault }: ClaimRequest): readonly Entry[] {
    const { inflow } = this.#parts;
    const fit = inflow.waiting.filter((entry) => entry.crashes < crashesMax && entry.isClaimable);
    const chosen = new Set(fit.filter((entry) => entry.isSuspect).slice(0, Math.min(count, suspects)));
    for (const entry of fit) {
      if (chosen.size >= count) break;
      if (!entry.isSuspect) chosen.add(entry);
    }
    inflow.take(chosen);
    return fit.filter((entry) => chosen.has(entry));
  }

  #holdsSuspect(): boolean {
    for (const { entry } of this.#held.values()) if (entry.isSuspect) return true;
    return false;
  }

  /** While this process holds a suspect, others of its kind are kept out of it: the broker would count its death as theirs, too. */
  async #parkSuspects(): Promise<void> {
    if (!this.#holdsSuspect()) return;
    await this.#sendBack(
      this.#parts.inflow.waiting.filter((entry) => entry.isSuspect),
      suspectPauseMs,
    );
  }

  #claimed(entry: Entry, leaseMs: number): Claim {
    const { queue, options } = this.#parts;
    const leaseUntilMs = options.clock.now() + leaseMs;
    entry.claimed();
    this.#held.set(entry.carried.id, { entry, leaseUntilMs });
    const { id, body, headers, attempts, enqueuedAtMs, failures } = entry.carried;
    const receipt = { queue, id, token: entry.token };
    const { lane, crashes } = entry;
    return {
      receipt,
      body,
      headers,
      key: undefined,
      lane,
      attempt: attempts + 1,
      crashes,
      enqueuedAtMs,
      leaseUntilMs,
      failures,
    };
  }

  #nextEndMs(): number | undefined {
    let next: number | undefined;
    for (const { leaseUntilMs } of this.#held.values()) next = Math.min(next ?? leaseUntilMs, leaseUntilMs);
    return next;
  }

  #armSweep(): void {
    if (this.#sweep !== undefined || this.#isDisposed) return;
    const { clock, unclaimedMaxMs } = this.#parts.options;
    this.#sweep = clock.setTimer(unclaimedMaxMs, () => void this.#sweepNow().catch(() => undefined), {
      holdsProcess: "no",
    });
  }

  /** What nobody here has asked for goes back, so that other processes get it. */
  async #sweepNow(): Promise<void> {
    const { options, inflow } = this.#parts;
    const isQuiet = this.#claimsSinceSweep === 0;
    this.#claimsSinceSweep = 0;
    if (isQuiet) {
      this.#rescue(options.clock.now() - options.unclaimedMaxMs);
      if (inflow.waiting.length > 0) await this.#handBack();
    }
    this.#sweep = undefined;
    if (!isQuiet || this.#held.size > 0) this.#armSweep();
  }

  async #handBack(): Promise<void> {
    await this.#parts.inflow.stop();
    await this.#sendBack([...this.#parts.inflow.waiting], 0);
  }

  /** Back to the end of the lane with what is known of each; where nothing can be published, as it came. */
  async #sendBack(entries: readonly Entry[], delayMs: number): Promise<void> {
    if (entries.length === 0) return;
    const { inflow, outflow, queue } = this.#parts;
    inflow.take(new Set(entries));
    await Promise.all(
      entries.map(async (entry) => {
        try {
          await outflow.send({ queue, lane: entry.lane, delayMs }, entry.kept());
          inflow.acknowledge(entry);
        } catch {
          inflow.requeue(entry);
        }
      }),
    );
    await inflow.synced();
  }
}

function failed(kept: Carried, failure: string | undefined): Carried {
  const failures = withFailure(kept.failures, failure);
  return { ...kept, attempts: kept.attempts + 1, isSuspect: false, failures };
}
