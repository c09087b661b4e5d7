import { integerIn, numberIn } from "../errors/mod.ts";
import { type Change, type MessageEngine, RefusedError } from "../engine/mod.ts";
import type { QueueDefinition } from "./definition.ts";
import { type ListOptions, listJobs } from "./list-jobs.ts";
import type { StoredJob } from "./stored-job.ts";

/** Which dead jobs go back, and how fast. */
export interface RedriveOptions {
  /** Which dead jobs go back. Default `all` that are dead now, oldest first. */
  readonly ids?: readonly string[] | "all" | undefined;
  /** At most so many a second, so that a repaired dependency is not flooded; above 0. Default: as fast as the engine takes them. */
  readonly ratePerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which dead jobs to remove. */
export interface PurgeOptions {
  /** Only those that died at least so long ago. Default 0: all. */
  readonly olderThanMs?: number | undefined;
}

/** Jobs that will not run again by themselves, with everything that went wrong. */
export interface DeadLetters<T> {
  /** By id, in pages; what dies meanwhile may or may not show. */
  list(options?: ListOptions): AsyncIterable<StoredJob<T>>;
  /** Makes dead jobs ready again, attempts and crashes at zero, failures kept. Resolves with how many; a job is tried once a call,
   *  also when it dies again meanwhile. Rejects with `signal.reason` on abort; what went back so far stays back. */
  redrive(options?: RedriveOptions): Promise<number>;
  /** Removes dead jobs for good. Resolves with how many. */
  purge(options?: PurgeOptions): Promise<number>;
}

// Large enough that the commit does not dominate, small enough that other writers are not held up.
const pageSize = 500;
// A rate is kept in ticks: one job at a time below ten a second, a tenth of the rate at once above.
const ticksPerSecondMax = 10;

export class EngineDeadLetters<T> implements DeadLetters<T> {
  readonly #engine: MessageEngine;
  readonly #definition: QueueDefinition<T>;

  constructor(engine: MessageEngine, definition: QueueDefinition<T>) {
    this.#engine = engine;
    this.#definition = definition;
  }

  list(options: ListOptions = {}): AsyncIterable<StoredJob<T>> {
    return listJobs({ engine: this.#engine, definition: this.#definition }, { ...options, state: "dead" });
  }

  async redrive(options: RedriveOptions = {}): Promise<number> {
    const { ids = "all", ratePerSecond, signal } = options;
    const rate = ratePerSecond === undefined ? undefined : numberIn("ratePerSecond", ratePerSecond, { min: 0.001 });
    const tickSize = rate === undefined ? pageSize : Math.min(pageSize, Math.ceil(rate / ticksPerSecondMax));
    let moved = 0;
    for await (const chunk of chunks(ids === "all" ? this.#idsDeadBefore(Infinity) : ids, tickSize)) {
      signal?.throwIfAborted();
      const { name, keyConcurrency } = this.#definition;
      moved += await this.#apply({ op: "redrive", queue: name, ids: chunk, keyConcurrency });
      if (rate !== undefined) await this.#engine.clock.sleep((chunk.length / rate) * 1_000, { signal });
    }
    return moved;
  }

  async purge(options: PurgeOptions = {}): Promise<number> {
    const olderThanMs = integerIn("olderThanMs", options.olderThanMs ?? 0, { min: 0 });
    let removed = 0;
    // Without an age nothing is compared: a clock that was put back would keep what died before.
    const untilMs = olderThanMs === 0 ? Infinity : this.#engine.clock.now() - olderThanMs;
    for await (const ids of chunks(this.#idsDeadBefore(untilMs), pageSize))
      removed += await this.#apply({ op: "discard", queue: this.#definition.name, ids, state: "dead" });
    return removed;
  }

  async *#idsDeadBefore(untilMs: number): AsyncIterable<string> {
    for await (const job of this.list()) if ((job.diedAtMs ?? 0) <= untilMs) yield job.id;
  }

  async #apply(change: Change): Promise<number> {
    const result = await this.#engine.commit([change]);
    if (!result.committed) throw new RefusedError(result.refusal);
    const [outcome] = result.outcomes;
    return outcome !== undefined && "count" in outcome ? outcome.count : 0;
  }
}

async function* chunks(ids: Iterable<string> | AsyncIterable<string>, size: number): AsyncIterable<string[]> {
  let chunk: string[] = [];
  for await (const id of ids) {
    chunk.push(id);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
