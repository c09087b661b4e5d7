import type { Timer } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { DisposedError } from "../errors/mod.ts";
import { RunNotFoundError } from "./errors.ts";
import type { Ending } from "./host.ts";
import type { RunOutcome } from "./outcome.ts";
import { parseRecord, runCell } from "./run-record.ts";

/** How long to wait for the end of a run; default: for ever. A run that is not stored rejects with {@link RunNotFoundError}. */
export interface ResultOptions {
  /** Stops the waiting, not the run; rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Resolves to `{ status: "open" }` when the run has not ended by then. */
  readonly withinMs?: number | undefined;
}

interface Waiting {
  readonly key: string;
  readonly saga: string;
  readonly id: string;
  readonly resolve: (outcome: RunOutcome) => void;
  readonly reject: (error: unknown) => void;
}

// Bells can be lost: runs of other processes are looked at again after this long.
const backstopMs = 1_000;

/** Those who wait for the end of a run. Runs of this process tell it themselves; others are looked at when the store's bell rings. */
export class Results {
  readonly #engine: Engine;
  readonly #isHere: (key: string) => boolean;
  readonly #waiting: Map<string, readonly Waiting[]> = new Map();
  /** Those whose run was not in progress here when it was last looked at. */
  readonly #elsewhere: Set<Waiting> = new Set();
  readonly #bells: Map<string, Disposable> = new Map();
  #timer: Timer | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isClosed = false;

  constructor(engine: Engine, isHere: (key: string) => boolean) {
    this.#engine = engine;
    this.#isHere = isHere;
  }

  wait(saga: string, id: string, options?: ResultOptions): Promise<RunOutcome> {
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason);
    if (this.#isClosed) return Promise.reject(new DisposedError("the sagas"));
    const { promise, resolve, reject } = Promise.withResolvers<RunOutcome>();
    const key = `${saga}/${id}`;
    const waiting: Waiting = { key, saga, id, resolve, reject };
    const others = this.#waiting.get(key);
    this.#waiting.set(key, others === undefined ? [waiting] : [...others, waiting]);
    if (!this.#isHere(key)) this.#lookFor([waiting]);
    return options === undefined ? promise : this.#limited(promise, waiting, options);
  }

  async #limited(promise: Promise<RunOutcome>, waiting: Waiting, options: ResultOptions): Promise<RunOutcome> {
    const { signal, withinMs } = options;
    using cleanup = new DisposableStack();
    cleanup.defer(() => this.#forget(waiting));
    if (withinMs !== undefined) {
      const timer = this.#engine.clock.setTimer(withinMs, () => waiting.resolve({ status: "open" }));
      cleanup.defer(() => timer.cancel());
    }
    if (signal !== undefined) {
      const onAbort = (): void => waiting.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      cleanup.defer(() => signal.removeEventListener("abort", onAbort));
    }
    return await promise;
  }

  /** An execution of this process has ended; unless the run has, it may go on elsewhere from now on. */
  ended(key: string, ending: Ending): void {
    const all = this.#waiting.get(key);
    if (all === undefined) return;
    if (ending.kind === "finished") this.#tell(all, ending.outcome);
    else if (ending.kind === "stuck") this.#tell(all, { status: "needs-attention", problem: ending.problem });
    else this.#lookFor(all);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const bell of this.#bells.values()) bell[Symbol.dispose]();
    for (const all of this.#waiting.values()) for (const waiting of all) waiting.reject(new DisposedError("the sagas"));
  }

  #tell(all: readonly Waiting[], outcome: RunOutcome): void {
    for (const waiting of all) {
      waiting.resolve(outcome);
      this.#forget(waiting);
    }
  }

  #refuse(waiting: Waiting, error: unknown): void {
    waiting.reject(error);
    this.#forget(waiting);
  }

  #forget(waiting: Waiting): void {
    const others = this.#waiting.get(waiting.key)?.filter((other) => other !== waiting) ?? [];
    if (others.length === 0) this.#waiting.delete(waiting.key);
    else this.#waiting.set(waiting.key, others);
    if (!this.#elsewhere.delete(waiting) || this.#elsewhere.size > 0) return;
    for (const bell of this.#bells.values()) bell[Symbol.dispose]();
    this.#bells.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookFor(all: Iterable<Waiting>): void {
    if (this.#isClosed) return;
    for (const waiting of all) {
      const { saga } = waiting;
      this.#elsewhere.add(waiting);
      if (!this.#bells.has(saga))
        this.#bells.set(
          saga,
          this.#engine.bell([`cells:saga-run:${saga}`], () => void this.#look()),
        );
    }
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) {
      this.#looksAgain = true;
      return;
    }
    this.#isLooking = true;
    do {
      this.#looksAgain = false;
      await this.#lookOnce();
    } while (this.#looksAgain);
    this.#isLooking = false;
    this.#timer?.cancel();
    if (this.#elsewhere.size > 0 && !this.#isClosed)
      this.#timer = this.#engine.clock.setTimer(backstopMs, () => void this.#look());
  }

  async #lookOnce(): Promise<void> {
    const elsewhere = [...this.#elsewhere];
    if (elsewhere.length === 0) return;
    try {
      const cells = await this.#engine.get(elsewhere.map(({ saga, id }) => runCell(saga, id)));
      for (const [index, waiting] of elsewhere.entries()) {
        const cell = cells[index];
        if (cell === undefined) this.#refuse(waiting, new RunNotFoundError(waiting.saga, waiting.id));
        const outcome = cell === undefined ? undefined : settledOutcome(cell.value);
        if (outcome !== undefined) this.#tell([waiting], outcome);
      }
    } catch (error) {
      if (error instanceof DisposedError) for (const waiting of elsewhere) this.#refuse(waiting, error);
      // Else the store is busy: the timer looks again.
    }
  }
}

/** How a stored run stands, if there is nothing to wait for. */
function settledOutcome(value: string): RunOutcome | undefined {
  const { header } = parseRecord(value);
  if (header.outcome !== undefined) return header.outcome;
  return header.problem === undefined ? undefined : { status: "needs-attention", problem: header.problem };
}
