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
  readonly saga: string;
  readonly id: string;
  readonly settle: (outcome: RunOutcome) => void;
  readonly reject: (error: unknown) => void;
}

// Bells can be lost: runs of other processes are looked at again after this long.
const backstopMs = 1_000;

/** Those who wait for the end of a run. Runs of this process tell it themselves; others are looked at when the store's bell rings. */
export class Results {
  readonly #engine: Engine;
  readonly #isHere: (saga: string, id: string) => boolean;
  readonly #waiting: Map<string, Set<Waiting>> = new Map();
  /** Those whose run was not in progress here when it was last looked at. */
  readonly #elsewhere: Set<Waiting> = new Set();
  readonly #bells: Map<string, Disposable> = new Map();
  #timer: Timer | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isClosed = false;

  constructor(engine: Engine, isHere: (saga: string, id: string) => boolean) {
    this.#engine = engine;
    this.#isHere = isHere;
  }

  async wait(saga: string, id: string, options: ResultOptions): Promise<RunOutcome> {
    options.signal?.throwIfAborted();
    if (this.#isClosed) throw new DisposedError("the sagas");
    const { promise, resolve, reject } = Promise.withResolvers<RunOutcome>();
    const waiting: Waiting = { saga, id, settle: resolve, reject };
    const key = `${saga}/${id}`;
    const all = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, all.add(waiting));
    if (!this.#isHere(saga, id)) this.#lookFor([waiting]);
    try {
      return options.signal === undefined && options.withinMs === undefined
        ? await promise
        : await this.#limited(promise, waiting, options);
    } finally {
      this.#remove(key, waiting);
    }
  }

  async #limited(promise: Promise<RunOutcome>, waiting: Waiting, options: ResultOptions): Promise<RunOutcome> {
    const { signal, withinMs } = options;
    using cleanup = new DisposableStack();
    if (withinMs !== undefined) {
      const timer = this.#engine.clock.setTimer(withinMs, () => waiting.settle({ status: "open" }));
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
  ended(saga: string, id: string, ending: Ending): void {
    const all = this.#waiting.get(`${saga}/${id}`);
    if (all === undefined) return;
    if (ending.kind === "finished") for (const waiting of all) waiting.settle(ending.outcome);
    else if (ending.kind === "stuck")
      for (const waiting of all) waiting.settle({ status: "needs-attention", problem: ending.problem });
    else this.#lookFor(all);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const bell of this.#bells.values()) bell[Symbol.dispose]();
    for (const all of this.#waiting.values()) for (const waiting of all) waiting.reject(new DisposedError("the sagas"));
  }

  #remove(key: string, waiting: Waiting): void {
    const all = this.#waiting.get(key);
    all?.delete(waiting);
    if (all?.size === 0) this.#waiting.delete(key);
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
        if (cell === undefined) waiting.reject(new RunNotFoundError(waiting.saga, waiting.id));
        const outcome = cell === undefined ? undefined : settledOutcome(cell.value);
        if (outcome !== undefined) waiting.settle(outcome);
      }
    } catch (error) {
      if (error instanceof DisposedError) for (const waiting of elsewhere) waiting.reject(error);
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
