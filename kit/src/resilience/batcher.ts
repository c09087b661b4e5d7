import { type Clock, systemClock, type Timer } from "../clock/mod.ts";
import { type Deque, deque } from "../collections/mod.ts";
import { InvariantError, integerIn, isRetryable, numberIn, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { type Backoff, durationMaxMs, smoothJitter } from "./backoff.ts";
import { refusedError } from "./errors.ts";
import { refusal } from "./refusal.ts";

const flushed = telemetryChannel("ashlar.resilience.flush");

/** What became of one item; `again: "yes"` keeps it for the next attempt. */
export type ItemResult<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: unknown; readonly again?: "yes" | "no" | undefined };

/** What a batcher goes by. */
export interface BatcherOptions<I, R> {
  /** Default "batcher". */
  readonly name?: string | undefined;
  /**
   * Does the work for all items: one result each in their order, or nothing when all were done and nobody waits for a value. When it throws, all are tried
   * again, so it must not harm to do an item twice.
   */
  readonly flush: (items: readonly I[], context: FlushContext) => PromiseLike<readonly ItemResult<R>[] | undefined>;
  /** Items of one flush, 1 to 1e6. Default 100. */
  readonly sizeMax?: number | undefined;
  /** Bytes of one flush, as `bytesOf` counts them; an item that is larger goes alone. Default no bound. */
  readonly bytesMax?: number | undefined;
  /** 0 or more; what is no such number rejects its `add` with ConfigError. Default 0 for each. */
  readonly bytesOf?: ((item: I) => number) | undefined;
  /** How long the first item of a batch waits for others. Default 10 ms. */
  readonly waitMs?: number | undefined;
  /** Items that are not settled yet; beyond it `add` is refused. Default 10,000. */
  readonly pendingMax?: number | undefined;
  /** Flushes under way at once, 1 to 1000. Default 1, which keeps the order of items. */
  readonly flushesMax?: number | undefined;
  /** Attempts of one flush, 1 to 1e6. Default 5. */
  readonly attemptsMax?: number | undefined;
  /** Default {@link smoothJitter} from 100 ms to 30 s. */
  readonly delay?: Backoff | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** About one flush. */
export interface FlushContext {
  /** 1 is the first. */
  readonly attempt: number;
}

/** A batcher at a glance. */
export interface BatcherReport {
  readonly name: string;
  /** Items that are not settled yet. */
  readonly pending: number;
  readonly flushing: number;
  readonly refused: number;
}

export type { Batcher };

/**
 * Joins items into one call by number, bytes and time. Nothing is lost: when a flush fails its items stay, in order, and are tried again with
 * back-off; each `add` settles exactly once, with its item's own result or, when the attempts are used up, with the last error. Disposing flushes what is
 * there and waits for it. Throws ConfigError.
 */
export function batcher<I, R = void>(options: BatcherOptions<I, R>): Batcher<I, R> {
  return new Batcher(options);
}

interface Entry<I, R> {
  readonly item: I;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
}

const delayDefault = smoothJitter({ firstMs: 100, capMs: 30_000 });

/** See {@link batcher}. */
class Batcher<I, R> implements AsyncDisposable {
  readonly #name: string;
  readonly #flush: BatcherOptions<I, R>["flush"];
  readonly #bytesOf: (item: I) => number;
  readonly #limits: Readonly<Record<"size" | "bytes" | "waitMs" | "pending" | "flushes" | "attempts", number>>;
  readonly #delay: Backoff;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ready: Deque<Entry<I, R>[]> = deque();
  #filling: Entry<I, R>[] = [];
  #fillingBytes = 0;
  #timer: Timer | undefined;
  #pending = 0;
  #flushing = 0;
  #refused = 0;
  #isClosed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: BatcherOptions<I, R>) {
    const { clock = systemClock, random = systemRandom, bytesOf = () => 0, delay = delayDefault } = options;
    this.#name = textOf("name", options.name ?? "batcher");
    this.#flush = options.flush;
    this.#bytesOf = bytesOf;
    this.#delay = delay;
    this.#clock = clock;
    this.#random = random;
    this.#limits = {
      size: integerIn("sizeMax", options.sizeMax ?? 100, { min: 1, max: 1_000_000 }),
      bytes: options.bytesMax === undefined ? Infinity : integerIn("bytesMax", options.bytesMax, { min: 1 }),
      waitMs: numberIn("waitMs", options.waitMs ?? 10, { min: 0, max: durationMaxMs }),
      pending: integerIn("pendingMax", options.pendingMax ?? 10_000, { min: 1, max: 10_000_000 }),
      flushes: integerIn("flushesMax", options.flushesMax ?? 1, { min: 1, max: 1_000 }),
      attempts: integerIn("attemptsMax", options.attemptsMax ?? 5, { min: 1, max: 1_000_000 }),
    };
  }

  /** Settles with the item's own result. Rejects with CallRefusedError, at once, when too much is pending (`full`) or it is closing (`closed`). */
  add(item: I): Promise<R> {
    if (this.#isClosed || this.#pending >= this.#limits.pending) {
      this.#refused++;
      return Promise.reject(refusedError(this.#name, refusal(this.#name, this.#isClosed ? "closed" : "full")));
    }
    return new Promise((resolve, reject) => {
      const bytes = numberIn("bytesOf", this.#bytesOf(item), { min: 0 });
      if (this.#filling.length > 0 && this.#fillingBytes + bytes > this.#limits.bytes) this.#fill();
      this.#pending++;
      this.#filling.push({ item, resolve, reject });
      this.#fillingBytes += bytes;
      if (this.#filling.length >= this.#limits.size || this.#fillingBytes >= this.#limits.bytes) this.#fill();
      else this.#timer ??= this.#clock.setTimer(this.#limits.waitMs, () => this.#fill());
    });
  }

  /** Does not wait for more items; resolves when nothing is pending. */
  async flush(): Promise<void> {
    this.#fill();
    if (this.#pending === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  describe(): BatcherReport {
    return { name: this.#name, pending: this.#pending, flushing: this.#flushing, refused: this.#refused };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  #fill(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#filling.length > 0) this.#ready.pushBack(this.#filling);
    this.#filling = [];
    this.#fillingBytes = 0;
    this.#next();
  }

  #next(): void {
    while (this.#flushing < this.#limits.flushes) {
      const batch = this.#ready.popFront();
      if (batch === undefined) break;
      this.#flushing++;
      void this.#see(batch); // never rejects
    }
    if (this.#pending > 0 || this.#idle === undefined) return;
    this.#idle.resolve();
    this.#idle = undefined;
  }

  /** Sees a batch through until each of its items is settled. */
  async #see(batch: readonly Entry<I, R>[]): Promise<void> {
    let left = batch;
    let state = 0;
    try {
      for (let attempt = 1; left.length > 0; attempt++) {
        const isLast = attempt >= this.#limits.attempts;
        left = await this.#attempt(left, { attempt, isLast });
        if (left.length === 0) break;
        const step = this.#delay(attempt, state, this.#random);
        state = step.state;
        await this.#clock.sleep(Math.max(0, step.delayMs));
      }
    } catch (error) {
      // A back-off that throws or is no time: nobody could say when to try again.
      this.#settleAll(left, error);
    }
    this.#flushing--;
    this.#next();
  }

  /** The items to be tried again. */
  async #attempt(
    entries: readonly Entry<I, R>[],
    { attempt, isLast }: { readonly attempt: number; readonly isLast: boolean },
  ): Promise<readonly Entry<I, R>[]> {
    const beganAtMs = flushed.active ? this.#clock.monotonic() : 0;
    let left: readonly Entry<I, R>[];
    try {
      const results = await this.#flush(
        entries.map(({ item }) => item),
        { attempt },
      );
      left = this.#settle(entries, { results, isLast });
    } catch (error) {
      left = !isLast && isRetryable(error) ? entries : this.#settleAll(entries, error);
    }
    if (flushed.active) {
      const durationMs = this.#clock.monotonic() - beganAtMs;
      const done = entries.length - left.length;
      flushed.publish({ batcher: this.#name, items: entries.length, done, attempt, durationMs });
    }
    return left;
  }

  #settle(
    entries: readonly Entry<I, R>[],
    { results, isLast }: { readonly results: readonly ItemResult<R>[] | undefined; readonly isLast: boolean },
  ): readonly Entry<I, R>[] {
    if (results !== undefined && results.length !== entries.length) {
      const told = `the flush of ${this.#name} was given ${entries.length} items and answered for ${results.length}`;
      return this.#settleAll(entries, new InvariantError(told));
    }
    return entries.filter(({ resolve, reject }, place) => {
      const result = results?.[place];
      if (result?.ok === false && result.again === "yes" && !isLast) return true;
      this.#pending--;
      if (result?.ok === false) reject(result.error);
      else resolve(result?.value as R);
      return false;
    });
  }

  #settleAll(entries: readonly Entry<I, R>[], error: unknown): readonly Entry<I, R>[] {
    this.#pending -= entries.length;
    for (const { reject } of entries) reject(error);
    return [];
  }
}
