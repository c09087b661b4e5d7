import { type Refusal, RefusedError } from "../engine/mod.ts";
import type { Feed } from "./feed.ts";

const pauseMaxMs = 64;

/** Tells others who write the same rows from a precondition that is simply wrong. Somebody's change is no fault of the event: it is handled
 *  again on what is there now, without counting as an attempt. For one event or batch. */
export class Contention {
  readonly #feed: Feed;
  readonly #signal: AbortSignal;
  #latest: string | undefined;
  #meetings = 0;

  constructor(feed: Feed, signal: AbortSignal) {
    this.#feed = feed;
    this.#signal = signal;
  }

  /** Whether to handle again; then after a pause, that partitions which write one row do not keep in step.
   *  False: another error, or a refusal at the very version that was refused before, which nobody's change explains. */
  async isPassing(error: unknown): Promise<boolean> {
    if (!(error instanceof RefusedError)) return false;
    const found = whatStood(error.refusal);
    if (found === undefined || found === this.#latest) return false;
    this.#latest = found;
    await this.#pause();
    return true;
  }

  /** None after the first meeting: two that met once rarely meet again. */
  async #pause(): Promise<void> {
    const { context, random } = this.#feed;
    const rangeMs = Math.min(2 ** this.#meetings++, pauseMaxMs);
    if (rangeMs === 1) return;
    await context.engine.clock.sleep(random.integer(1, rangeMs), { signal: this.#signal }).catch((error: unknown) => {
      if (!this.#signal.aborted) throw error;
    });
  }
}

/** The obstacle together with its version, which no two changes of it share. */
function whatStood(refusal: Refusal): string | undefined {
  if (refusal.kind === "cell-conflict")
    return JSON.stringify([refusal.cell.space, refusal.cell.key, refusal.actual ?? "absent"]);
  if (refusal.kind === "version-conflict") return JSON.stringify([refusal.log, refusal.stream, refusal.actual]);
  return undefined;
}
