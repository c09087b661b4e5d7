// What a breaker remembers of ended calls. Fixed memory, O(1) for each call, no timer: what is too old is dropped by whoever looks next.

/** How one call ended: the lowest bit says failed, the next one slow. */
export const code = { ok: 0, failed: 1, slow: 2, failedAndSlow: 3 } as const;

/** One of {@link code}. */
export type Code = 0 | 1 | 2 | 3;

/** The ended calls by which a breaker decides. The counts are those of the last `add` or `tidy`. */
export interface BreakerWindow {
  readonly calls: number;
  readonly failed: number;
  readonly slow: number;
  add(ended: Code, nowMs: number): void;
  /** Drops what is too old. */
  tidy(nowMs: number): void;
  clear(): void;
  /** Whether it looks at the time. */
  readonly isTimed: boolean;
}

/** Failures in a row, as a window of the last `length` calls that any success empties. */
export class RunWindow implements BreakerWindow {
  readonly isTimed = false;
  readonly #length: number;
  failed = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get calls(): number {
    return this.failed;
  }

  get slow(): number {
    return 0;
  }

  add(ended: Code): void {
    if ((ended & 1) === 0) this.failed = 0;
    else if (this.failed < this.#length) this.failed++;
  }

  tidy(): void {
    // Nothing in it grows old.
  }

  clear(): void {
    this.failed = 0;
  }
}

/** The last `length` calls, a byte each. */
export class CountWindow implements BreakerWindow {
  readonly isTimed = false;
  readonly #codes: Uint8Array;
  #next = 0;
  calls = 0;
  failed = 0;
  slow = 0;

  constructor(length: number) {
    this.#codes = new Uint8Array(length);
  }

  add(ended: Code): void {
    const codes = this.#codes;
    if (this.calls === codes.length) {
      const left = codes[this.#next] ?? 0;
      this.failed -= left & 1;
      this.slow -= left >> 1;
    } else this.calls++;
    codes[this.#next] = ended;
    this.failed += ended & 1;
    this.slow += ended >> 1;
    this.#next = this.#next + 1 === codes.length ? 0 : this.#next + 1;
  }

  tidy(): void {
    // Nothing in it grows old.
  }

  clear(): void {
    this.#next = this.calls = this.failed = this.slow = 0;
  }
}

/** A time window consists of so many slices, so that it forgets in steps of a tenth. */
const slicesOfWindow = 10;

/**
 * The calls of the last `lengthMs`: ten slices and the one that fills now. A slice that is over by a whole window is emptied by whoever
 * looks next, however long nobody looked. So at any time it holds what ended in the last 1 to 1.1 windows, and nothing older.
 */
export class TimeWindow implements BreakerWindow {
  readonly isTimed = true;
  readonly #sliceMs: number;
  readonly #calls = new Float64Array(slicesOfWindow + 1);
  readonly #failed = new Float64Array(slicesOfWindow + 1);
  readonly #slow = new Float64Array(slicesOfWindow + 1);
  /** Number of the present slice since time began. */
  #slice = 0;
  #sliceEndsAtMs = -Infinity;
  #place = 0;
  calls = 0;
  failed = 0;
  slow = 0;

  constructor(lengthMs: number) {
    this.#sliceMs = lengthMs / slicesOfWindow;
  }

  add(ended: Code, nowMs: number): void {
    if (nowMs >= this.#sliceEndsAtMs) this.#turn(nowMs);
    const place = this.#place;
    this.#calls[place] = (this.#calls[place] ?? 0) + 1;
    this.calls++;
    if (ended !== code.ok) this.#addBad(ended);
  }

  tidy(nowMs: number): void {
    if (nowMs >= this.#sliceEndsAtMs) this.#turn(nowMs);
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failed.fill(0);
    this.#slow.fill(0);
    this.calls = this.failed = this.slow = 0;
  }

  #addBad(ended: Code): void {
    const place = this.#place;
    this.#failed[place] = (this.#failed[place] ?? 0) + (ended & 1);
    this.#slow[place] = (this.#slow[place] ?? 0) + (ended >> 1);
    this.failed += ended & 1;
    this.slow += ended >> 1;
  }

  #turn(nowMs: number): void {
    const slice = Math.floor(nowMs / this.#sliceMs);
    const passed = Math.min(slice - this.#slice, slicesOfWindow + 1);
    for (let step = 1; step <= passed; step++) this.#empty((this.#place + step) % (slicesOfWindow + 1));
    this.#place = (this.#place + passed) % (slicesOfWindow + 1);
    this.#slice = slice;
    this.#sliceEndsAtMs = (slice + 1) * this.#sliceMs;
  }

  #empty(place: number): void {
    this.calls -= this.#calls[place] ?? 0;
    this.failed -= this.#failed[place] ?? 0;
    this.slow -= this.#slow[place] ?? 0;
    this.#calls[place] = this.#failed[place] = this.#slow[place] = 0;
  }
}
