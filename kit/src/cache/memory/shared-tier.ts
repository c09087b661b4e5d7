import { type Clock, systemClock } from "../../clock/mod.ts";
import { integerIn } from "../../errors/mod.ts";
import { boundedMap, type BoundedMap } from "../bounded-map.ts";
import type { LeaseRequest, SharedEntry, SharedRead, SharedTier } from "../shared-tier.ts";
import type { Invalidation } from "../target.ts";

/** What a tier in memory goes by. */
export interface MemoryTierOptions {
  /** Keys at most, 1 to 16,777,216; the oldest go first. Default 100,000. */
  readonly keysMax?: number | undefined;
  readonly clock?: Pick<Clock, "monotonic"> | undefined;
}

interface Slot {
  entry: SharedEntry | undefined;
  /** Stamp of what `entry` was made of: the moment its token was given out, or it was written. */
  stamp: number;
  freshUntilMs: number;
  keptUntilMs: number;
  token: string | undefined;
  tokenStamp: number;
  tokenUntilMs: number;
}

interface Marks {
  hard: number;
  soft: number;
}

/** Loads take some milliseconds at least; to ask more often than so many times a lease finds nothing new. */
const asksALease = 100;
const retryMinMs = 5;
const retryMaxMs = 250;

/**
 * A shared tier within one process: for tests, and for several caches side by side. All that the port promises, atomic because it never
 * waits. Lost with the process. Tags that were ever invalidated are remembered, at most as many as `keysMax`; beyond it everything that
 * was stored before the oldest counts as invalidated if it has tags.
 */
export function memoryTier(options: MemoryTierOptions = {}): SharedTier {
  return new MemoryTier(options);
}

class MemoryTier implements SharedTier {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #slots: BoundedMap<string, Slot>;
  readonly #tags: BoundedMap<string, Marks>;
  #stamp = 0;
  #forgotten = 0;
  #allHard = 0;
  #allSoft = 0;

  constructor(options: MemoryTierOptions) {
    this.#clock = options.clock ?? systemClock;
    const entries = integerIn("keysMax", options.keysMax ?? 100_000, { min: 1, max: 16_777_216 });
    this.#slots = boundedMap({ entries, policy: "fifo" });
    const onEvicted = (_: string, { hard, soft }: Marks): void => {
      this.#forgotten = Math.max(this.#forgotten, hard, soft);
    };
    this.#tags = boundedMap({ entries, policy: "fifo", onEvicted });
  }

  async read(keys: readonly string[], lease?: LeaseRequest): Promise<readonly SharedRead[]> {
    const nowMs = this.#clock.monotonic();
    return keys.map((key) => this.#read(key, lease, nowMs));
  }

  async fill(key: string, token: string, entry: SharedEntry): Promise<"stored" | "refused"> {
    const nowMs = this.#clock.monotonic();
    const slot = this.#slots.get(key);
    if (slot === undefined || slot.token !== token || nowMs >= slot.tokenUntilMs) return "refused";
    slot.token = undefined;
    if (this.#marksOf(entry.tags, slot.tokenStamp) !== "none") return "refused";
    if (isNewer(slot.entry, entry) && this.#stateOf(slot, nowMs) !== "gone") return "refused";
    put(slot, entry, { stamp: slot.tokenStamp, nowMs });
    return "stored";
  }

  async abandon(key: string, token: string): Promise<void> {
    const slot = this.#slots.get(key);
    if (slot?.token !== token) return;
    slot.token = undefined;
    if (slot.entry === undefined) this.#slots.delete(key);
  }

  async write(key: string, entry: SharedEntry): Promise<"stored" | "outdated"> {
    const nowMs = this.#clock.monotonic();
    const slot = this.#slotFor(key);
    if (isNewer(slot.entry, entry) && this.#stateOf(slot, nowMs) !== "gone") return "outdated";
    slot.token = undefined;
    put(slot, entry, { stamp: ++this.#stamp, nowMs });
    return "stored";
  }

  async invalidate({ target, mode, olderThan }: Invalidation): Promise<void> {
    const stamp = ++this.#stamp;
    if ("keys" in target) for (const key of target.keys) this.#invalidateKey(key, mode, olderThan);
    else if ("tags" in target) for (const tag of target.tags) this.#mark(tag, mode, stamp);
    else if (mode === "hard") this.#allHard = stamp;
    else this.#allSoft = stamp;
  }

  #read(key: string, lease: LeaseRequest | undefined, nowMs: number): SharedRead {
    const slot = this.#slots.get(key);
    const state = slot === undefined ? "gone" : this.#stateOf(slot, nowMs);
    if (slot?.entry !== undefined && state !== "gone") {
      const entry = {
        ...slot.entry,
        freshMs: state === "fresh" ? slot.freshUntilMs - nowMs : Math.min(0, slot.freshUntilMs - nowMs),
        keptMs: slot.keptUntilMs - nowMs,
      };
      const asks = lease !== undefined && (state === "stale" || lease.of === "any");
      return { kind: "found", entry, token: asks ? this.#lend(key, lease, nowMs) : undefined };
    }
    if (lease === undefined) return { kind: "missing" };
    const token = this.#lend(key, lease, nowMs);
    if (token !== undefined) return { kind: "missing", token };
    return { kind: "loading", retryAfterMs: Math.min(retryMaxMs, Math.max(retryMinMs, lease.forMs / asksALease)) };
  }

  #lend(key: string, lease: LeaseRequest, nowMs: number): string | undefined {
    const slot = this.#slotFor(key);
    if (slot.token !== undefined && nowMs < slot.tokenUntilMs && slot.tokenStamp >= this.#allHard) return undefined;
    slot.tokenStamp = ++this.#stamp;
    slot.token = `${slot.tokenStamp}`;
    slot.tokenUntilMs = nowMs + lease.forMs;
    return slot.token;
  }

  #slotFor(key: string): Slot {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot: Slot = {
      entry: undefined,
      stamp: 0,
      freshUntilMs: 0,
      keptUntilMs: 0,
      token: undefined,
      tokenStamp: 0,
      tokenUntilMs: 0,
    };
    this.#slots.set(key, slot);
    return slot;
  }

  #stateOf(slot: Slot, nowMs: number): "fresh" | "stale" | "gone" {
    if (slot.entry === undefined || nowMs >= slot.keptUntilMs || slot.stamp < this.#allHard) return "gone";
    const marks = this.#marksOf(slot.entry.tags, slot.stamp);
    if (marks === "hard") return "gone";
    return marks === "soft" || slot.stamp < this.#allSoft || nowMs >= slot.freshUntilMs ? "stale" : "fresh";
  }

  /** What has befallen these tags since. */
  #marksOf(tags: readonly string[], stamp: number): "hard" | "soft" | "none" {
    if (tags.length > 0 && stamp < this.#forgotten) return "hard";
    let worst: "soft" | "none" = "none";
    for (const tag of tags) {
      const marks = this.#tags.get(tag);
      if (marks !== undefined && marks.hard > stamp) return "hard";
      if (marks !== undefined && marks.soft > stamp) worst = "soft";
    }
    return worst;
  }

  #mark(tag: string, mode: "hard" | "soft", stamp: number): void {
    const marks = this.#tags.get(tag) ?? { hard: 0, soft: 0 };
    marks[mode] = stamp;
    this.#tags.delete(tag);
    this.#tags.set(tag, marks);
  }

  #invalidateKey(key: string, mode: "hard" | "soft", olderThan: number | undefined): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    slot.token = undefined;
    if (olderThan !== undefined && (slot.entry?.version ?? -Infinity) >= olderThan) return;
    const nowMs = this.#clock.monotonic();
    if (mode === "hard") this.#slots.delete(key);
    else if (slot.freshUntilMs > nowMs) {
      slot.keptUntilMs = Math.min(slot.keptUntilMs, nowMs + slot.keptUntilMs - slot.freshUntilMs);
      slot.freshUntilMs = nowMs;
    }
  }
}

function put(slot: Slot, entry: SharedEntry, at: { readonly stamp: number; readonly nowMs: number }): void {
  slot.entry = entry;
  slot.stamp = at.stamp;
  slot.freshUntilMs = at.nowMs + entry.freshMs;
  slot.keptUntilMs = at.nowMs + entry.keptMs;
}

function isNewer(present: SharedEntry | undefined, than: SharedEntry): boolean {
  return present?.version !== undefined && than.version !== undefined && present.version > than.version;
}
