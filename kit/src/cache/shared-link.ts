import { Deadlines, type Expiring } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { SharedTierError } from "./errors.ts";
import type { SharingRules } from "./options.ts";
import type { FillToken, LeaseRequest, SharedEntry, SharedRead, SharedTier } from "./shared-tier.ts";
import type { Counters } from "./statistics.ts";
import type { Invalidation } from "./target.ts";

/** What a link stands between. */
export interface SharedLinkParts<V> {
  readonly cache: string;
  readonly tier: SharedTier;
  readonly rules: SharingRules<V>;
  readonly clock: Clock;
  readonly counters: Counters;
}

const faults = telemetryChannel("ashlar.cache.fault");

/** The shared tier as one cache uses it: a read that fails or is late is done without, and no more are tried for a while. */
export class SharedLink<V> {
  readonly rules: SharingRules<V>;
  readonly #parts: SharedLinkParts<V>;
  readonly #deadlines: Deadlines;
  #downUntilMs = -Infinity;

  constructor(parts: SharedLinkParts<V>) {
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts.clock);
    this.rules = parts.rules;
  }

  /** `undefined`: do without. */
  async read(keys: readonly string[], lease: LeaseRequest | undefined): Promise<readonly SharedRead[] | undefined> {
    const { tier, clock } = this.#parts;
    if (clock.monotonic() < this.#downUntilMs) return undefined;
    const { sharedRetryMs } = this.rules;
    const read = Promise.try(() => tier.read(keys, lease));
    try {
      return await this.#inTime(read);
    } catch (error) {
      // What comes too late must not keep the right to fill.
      read.then((reads) => this.#abandonAll(keys, reads)).catch(() => undefined);
      this.#downUntilMs = clock.monotonic() + sharedRetryMs;
      this.#fault("read", error);
      return undefined;
    }
  }

  /** `unknown`: the tier could not be reached. */
  async fill(key: string, token: FillToken, entry: SharedEntry): Promise<"stored" | "refused" | "unknown"> {
    try {
      return await this.#parts.tier.fill(key, token, entry);
    } catch (error) {
      this.#fault("fill", error);
      return "unknown";
    }
  }

  async abandon(key: string, token: FillToken): Promise<void> {
    try {
      await this.#parts.tier.abandon(key, token);
    } catch (error) {
      this.#fault("abandon", error);
    }
  }

  /** Throws {@link SharedTierError}. */
  async write(key: string, entry: SharedEntry): Promise<"stored" | "outdated"> {
    try {
      return await this.#parts.tier.write(key, entry);
    } catch (error) {
      this.#fault("write", error);
      throw new SharedTierError(this.#parts.cache, error);
    }
  }

  /** Throws {@link SharedTierError}. */
  async invalidate(invalidation: Invalidation): Promise<void> {
    try {
      await this.#parts.tier.invalidate(invalidation);
    } catch (error) {
      this.#fault("invalidate", error);
      throw new SharedTierError(this.#parts.cache, error);
    }
  }

  /** Takes out what nobody can read, so that it is loaded anew. */
  async discard(key: string, error: unknown): Promise<void> {
    this.#fault("read", error);
    await this.#parts.tier.invalidate({ target: { keys: [key] }, mode: "hard", olderThan: undefined });
  }

  /** Rejects with TimeoutError when a read takes longer than `sharedTimeoutMs`. */
  #inTime(read: Promise<readonly SharedRead[]>): Promise<readonly SharedRead[]> {
    const { sharedTimeoutMs } = this.rules;
    const deadlines = this.#deadlines;
    return new Promise((resolve, reject) => {
      const late: Expiring = {
        deadlineAtMs: this.#parts.clock.monotonic() + sharedTimeoutMs,
        expire: () => reject(new TimeoutError("a read of the shared tier", sharedTimeoutMs)),
      };
      deadlines.add(late);
      const end = (): void => deadlines.remove(late);
      read.then(
        (reads) => {
          end();
          resolve(reads);
        },
        (error: unknown) => {
          end();
          reject(error);
        },
      );
    });
  }

  #abandonAll(keys: readonly string[], reads: readonly SharedRead[]): Promise<unknown> {
    const tokens = reads.flatMap((read, index) =>
      read.kind !== "loading" && read.token !== undefined ? [this.abandon(keys[index] ?? "", read.token)] : [],
    );
    return Promise.all(tokens);
  }

  #fault(operation: string, error: unknown): void {
    this.#parts.counters.sharedFaults++;
    if (faults.active) faults.publish({ cache: this.#parts.cache, operation, error });
  }
}
