import type { Clock } from "../../clock/mod.ts";

/** Where the log of the primary ended when it was asked. */
interface Mark {
  readonly askedMs: number;
  readonly bytes: bigint;
}

/** What a read has to see so that it is not too old. */
export interface FreshEnough {
  readonly bytes: bigint;
  /** How long it may be waited for: while marks are still being collected, a replica that is right behind the primary is not taken for one that lags. */
  readonly waitMs: number;
}

export interface PrimaryMarksParts {
  readonly ask: () => Promise<bigint>;
  readonly staleMaxMs: number;
  readonly clock: Clock;
}

// So many a span: a replica may lag three quarters of it, and the primary is hardly bothered.
const marksPerSpan = 4;

/**
 * Says how far a replica must be so that a read of it sees all that was committed more than `staleMaxMs` before. The primary is asked where its log ends four
 * times in that span, as long as somebody reads; a replica that has replayed a mark is no older than the mark. So clocks of the servers do not
 * matter, a replica that hears nothing any more is found out, and one of a quiet primary does not count as late, both of which the time of the
 * transaction replayed last would get wrong.
 */
export class PrimaryMarks {
  readonly #parts: PrimaryMarksParts;
  #marks: readonly Mark[] = [];
  #asking: Promise<void> | undefined;

  constructor(parts: PrimaryMarksParts) {
    this.#parts = parts;
  }

  /** Undefined when the primary took longer than the whole span to answer. Rejects when nothing is known and the primary cannot be asked. */
  async freshEnough(): Promise<FreshEnough | undefined> {
    const { clock, staleMaxMs } = this.#parts;
    this.#forgetOld();
    const newest = this.#marks.at(-1);
    if (newest === undefined) await this.#ask();
    // Its failure shows when the marks have run out.
    else if (clock.monotonic() - newest.askedMs > staleMaxMs / marksPerSpan) this.#ask().catch(() => undefined);
    this.#forgetOld();
    const [oldest] = this.#marks;
    if (oldest === undefined) return undefined;
    return { bytes: oldest.bytes, waitMs: staleMaxMs / 2 - (clock.monotonic() - oldest.askedMs) };
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    const askedMs = this.#parts.clock.monotonic();
    const bytes = await this.#parts.ask();
    this.#marks = [...this.#marks, { askedMs, bytes }];
  }

  #forgetOld(): void {
    const { clock, staleMaxMs } = this.#parts;
    const fromMs = clock.monotonic() - staleMaxMs;
    this.#marks = this.#marks.filter(({ askedMs }) => askedMs >= fromMs);
  }
}
