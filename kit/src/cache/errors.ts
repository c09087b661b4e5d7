import { KitError } from "../errors/mod.ts";

/** As many loads are running as may. Nothing was begun; the caller can do without, or come back. */
export class CacheBusyError extends KitError {
  readonly code = "CACHE_BUSY";
  readonly retryable = true;
  readonly cache: string;
  readonly loads: number;

  constructor(cache: string, loads: number) {
    super(`cache "${cache}" runs ${loads} loads already`);
    this.cache = cache;
    this.loads = loads;
  }
}

/**
 * The shared tier or the bus did not take a write or an invalidation: here it is in force, elsewhere the old value may be served up to the
 * end of its life. Do it again. (When a read of the shared tier fails, the value is loaded, and nobody sees an error.)
 */
export class SharedTierError extends KitError {
  readonly code = "SHARED_TIER";
  readonly retryable = true;
  readonly cache: string;

  constructor(cache: string, cause: unknown) {
    super(`cache "${cache}" could not tell the others`, { cause });
    this.cache = cache;
  }
}

/** A bulk loader answered with another number of values than there were keys. */
export class LoadCountError extends KitError {
  readonly code = "LOAD_COUNT";
  readonly retryable = false;
  readonly expected: number;
  readonly actual: number;

  constructor(expected: number, actual: number) {
    super(`a load of ${expected} keys answered with ${actual} values`);
    this.expected = expected;
    this.actual = actual;
  }
}
