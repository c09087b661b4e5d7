import type { Clock } from "../clock/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { SharedTierError } from "./errors.ts";
import type { BusMessage, BusSubscription, InvalidationBus } from "./invalidation-bus.ts";
import type { Invalidation } from "./target.ts";

/** What a link to the bus serves. */
export interface BusLinkParts {
  readonly cache: string;
  readonly source: string;
  readonly bus: InvalidationBus;
  readonly clock: Clock;
  readonly repairMs: number;
  /** Somebody else has invalidated. */
  readonly apply: (invalidation: Invalidation) => void;
  /** Messages are missing: nothing here is known to be true any more. */
  readonly repair: () => void;
}

const faults = telemetryChannel("ashlar.cache.fault");
/** Part of `repairMs` that a message may be under way before it counts as lost. */
const underWayRatio = 0.1;

/** Hears what other caches invalidate, and notices when it has missed something: by a gap in the numbers, or by asking now and then. */
export class BusLink implements AsyncDisposable {
  readonly #parts: BusLinkParts;
  #subscription: BusSubscription | undefined;
  #heard = 0;
  #checkDueAtMs = Infinity;

  constructor(parts: BusLinkParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    this.#subscription = await this.#parts.bus.subscribe((message, sequence) => this.#hear(message, sequence));
    // What came while the subscription was being made is newer than its beginning.
    this.#heard = Math.max(this.#heard, this.#subscription.sequence);
    this.#heardNow();
  }

  /** Time from which a read asks for a check. */
  get checkDueAtMs(): number {
    return this.#checkDueAtMs;
  }

  /** Asks the bus in the background whether everything was heard. */
  check(): void {
    this.#heardNow();
    void this.#compare();
  }

  /** Throws {@link SharedTierError}. */
  async publish(invalidation: Invalidation): Promise<void> {
    const { bus, source, cache } = this.#parts;
    try {
      await bus.publish({ ...invalidation, source });
    } catch (error) {
      this.#fault("publish", error);
      throw new SharedTierError(cache, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#checkDueAtMs = Infinity;
    await this.#subscription?.[Symbol.asyncDispose]();
    this.#subscription = undefined;
  }

  #heardNow(): void {
    this.#checkDueAtMs = this.#parts.clock.monotonic() + this.#parts.repairMs;
  }

  #hear(message: BusMessage, sequence: number): void {
    if (this.#subscription !== undefined) {
      if (sequence !== this.#heard + 1) this.#parts.repair();
      this.#heardNow();
    }
    this.#heard = sequence;
    if (message.source !== this.#parts.source) this.#parts.apply(message);
  }

  async #compare(): Promise<void> {
    const { bus, clock, repairMs, repair } = this.#parts;
    try {
      const latest = await bus.latest();
      if (latest > this.#heard) await clock.sleep(repairMs * underWayRatio);
      // Fewer than were heard, still: the channel has lost its count, and who knows what else.
      const isReset = latest < this.#heard && (await bus.latest()) < this.#heard;
      if (this.#subscription === undefined || (latest <= this.#heard && !isReset)) return;
      this.#heard = latest;
      repair();
    } catch (error) {
      this.#fault("latest", error);
    }
  }

  #fault(operation: string, error: unknown): void {
    if (faults.active) faults.publish({ cache: this.#parts.cache, operation, error });
  }
}
