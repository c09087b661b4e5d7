/** Counts since the cache was made. */
export interface CacheStatistics {
  /** Reads answered with a fresh value, or a remembered absence or error, from memory. */
  readonly hits: number;
  /** Reads answered with a stale value. */
  readonly staleHits: number;
  /** Reads that found nothing usable in memory. */
  readonly misses: number;
  /** Hits and stale hits among all reads; 0 before the first. */
  readonly hitRatio: number;
  /** Keys that loaders were asked for. */
  readonly loads: number;
  readonly loadFailures: number;
  /** Mean time of a load that ended, in milliseconds. */
  readonly loadMeanMs: number;
  /** Loads that began before their value had ended: early, ahead, or behind a stale answer. */
  readonly refreshes: number;
  /** Results that were given to their callers and not stored, because their key or tag was written or invalidated meanwhile. */
  readonly refusedFills: number;
  readonly writes: number;
  readonly invalidations: number;
  readonly evictions: number;
  readonly expirations: number;
  /** Misses that the shared tier answered. */
  readonly sharedHits: number;
  /** Reads of the shared tier that failed or were too late, and were done without it. */
  readonly sharedFaults: number;
  /** Times at which messages of the bus were found missing and everything here was dropped. */
  readonly repairs: number;
}

/** The counters behind {@link CacheStatistics}. */
export class Counters {
  hits = 0;
  staleHits = 0;
  misses = 0;
  loads = 0;
  loadFailures = 0;
  loadTotalMs = 0;
  refreshes = 0;
  refusedFills = 0;
  writes = 0;
  invalidations = 0;
  evictions = 0;
  expirations = 0;
  sharedHits = 0;
  sharedFaults = 0;
  repairs = 0;

  read(): CacheStatistics {
    const { loadTotalMs, ...counts } = this;
    const reads = this.hits + this.staleHits + this.misses;
    return {
      ...counts,
      hitRatio: reads === 0 ? 0 : (this.hits + this.staleHits) / reads,
      loadMeanMs: this.loads === 0 ? 0 : loadTotalMs / this.loads,
    };
  }
}
