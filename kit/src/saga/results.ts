import type { Timer } from "../clock/mod.ts";
import { turnoverMap, type TurnoverMap } from "../collections/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { DisposedError } from "../errors/mod.ts";
import { RunNotFoundError } from "./errors.ts";
import { mayGoOn } from "./commands.ts";
import type { Ending } from "./host.ts";
import { mailboxOf } from "./mailbox.ts";
import type { RunOutcome } from "./outcome.ts";
import { mailCell, parseRecord, runCell } from "./run-record.ts";

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
// A bell rings at every commit of any run. Looks are bounded, each and in sum: about a tenth of a processor at most.
const cellsMax = 64;
const cellsPerMs = 8;

/** What this process knows about runs. */
export interface RunsHere {
  /** Whether the run is in progress here: then it tells of its end itself. */
  readonly isHere: (key: string) => boolean;
  /** Whether runs of that version can be executed here. */
  readonly knows: (saga: string, version: string) => boolean;
}

/** Those who wait for the end of a run. Runs of this process tell it themselves; others are looked at when the store's bell rings. */
export class Results {
  readonly #engine: Engine;
  readonly #isHere: RunsHere["isHere"];
  readonly #knows: RunsHere["knows"];
  readonly #waiting: TurnoverMap<string, readonly Waiting[]> = turnoverMap();
  /** Those whose run was not in progress here when it was last looked at. */
  readonly #elsewhere: TurnoverMap<Waiting, Waiting> = turnoverMap();
  readonly #bells: Map<string, Disposable> = new Map();
  /** Those of them that nobody has looked at yet. */
  readonly #fresh: TurnoverMap<Waiting, Waiting> = turnoverMap();
  #timer: Timer | undefined;
  /** How many are still to be looked at since the latest bell. */
  #left = 0;
  #isGreeting = false;
  #isSweeping = false;
  #isResting = false;
  #isClosed = false;

  constructor(engine: Engine, here: RunsHere) {
    this.#engine = engine;
    this.#isHere = here.isHere;
    this.#knows = here.knows;
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
    this.#fresh.delete(waiting);
    if (!this.#elsewhere.delete(waiting) || this.#elsewhere.size > 0) return;
    for (const bell of this.#bells.values()) bell[Symbol.dispose]();
    this.#bells.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isResting = false;
  }

  #lookFor(all: Iterable<Waiting>): void {
    if (this.#isClosed) return;
    for (const waiting of all) {
      const { saga } = waiting;
      this.#elsewhere.set(waiting, waiting);
      this.#fresh.set(waiting, waiting);
      if (!this.#bells.has(saga))
        this.#bells.set(
          saga,
          this.#engine.bell([`cells:saga-run:${saga}`], () => this.#rang()),
        );
    }
    void this.#lookAtFresh();
  }

  /** Those who have just come are looked at at once, and alone. */
  async #lookAtFresh(): Promise<void> {
    if (this.#isGreeting) return;
    this.#isGreeting = true;
    while (this.#fresh.size > 0) {
      const batch = first(this.#fresh.values(), cellsMax);
      for (const waiting of batch) this.#fresh.delete(waiting);
      await this.#lookAt(batch.filter((waiting) => this.#elsewhere.has(waiting)));
    }
    this.#isGreeting = false;
    if (this.#timer === undefined && !this.#isSweeping) this.#rest(0);
  }

  #rang(): void {
    this.#left = this.#elsewhere.size;
    if (!this.#isResting) void this.#sweep();
  }

  /** Looks at the next of those who wait, and rests in proportion, so that a bell costs no more the more of them there are. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    let cells = 0;
    while (this.#left > 0 && cells < cellsMax && this.#elsewhere.size > 0) {
      const batch = first(this.#elsewhere.values(), Math.min(this.#left, cellsMax - cells));
      this.#left -= batch.length;
      cells += batch.length;
      for (const waiting of batch) {
        this.#elsewhere.delete(waiting);
        this.#elsewhere.set(waiting, waiting); // behind the others
      }
      await this.#lookAt(batch.filter(({ key }) => !this.#isHere(key)));
    }
    this.#isSweeping = false;
    this.#rest(Math.floor(cells / cellsPerMs));
  }

  #rest(restMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isResting = false;
    if (this.#isClosed || this.#elsewhere.size === 0) return;
    const { clock } = this.#engine;
    if (restMs === 0) {
      this.#timer = clock.setTimer(backstopMs, () => this.#rang());
      return;
    }
    this.#isResting = true;
    this.#timer = clock.setTimer(restMs, () => {
      this.#isResting = false;
      if (this.#left > 0) void this.#sweep();
      else this.#rest(0);
    });
  }

  async #lookAt(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const cells = await this.#engine.get(batch.map(({ saga, id }) => runCell(saga, id)));
      const stuck: Waiting[] = [];
      for (const [index, waiting] of batch.entries()) {
        const cell = cells[index];
        if (cell === undefined) {
          this.#refuse(waiting, new RunNotFoundError(waiting.saga, waiting.id));
          continue;
        }
        const { outcome, status } = parseRecord(cell.value).header;
        if (outcome !== undefined) this.#tell([waiting], outcome);
        else if (status === "needs-attention") stuck.push(waiting);
      }
      if (stuck.length > 0) await this.#lookAtStuck(stuck);
    } catch (error) {
      if (error instanceof DisposedError) for (const waiting of batch) this.#refuse(waiting, error);
      // Else the store is busy: the timer looks again.
    }
  }

  /** Tells of problems that are still to be answered for; where somebody has answered, or will take the run up, there is more to come. */
  async #lookAtStuck(stuck: readonly Waiting[]): Promise<void> {
    const cells = await this.#engine.get(stuck.flatMap(({ saga, id }) => [runCell(saga, id), mailCell(saga, id)]));
    for (const [index, waiting] of stuck.entries()) {
      const [record, mail] = cells.slice(2 * index);
      const header = record === undefined ? undefined : parseRecord(record.value).header;
      if (header?.status !== "needs-attention" || header.problem === undefined) continue;
      const { problem } = header;
      const goesOn =
        problem.kind === "unknown-version"
          ? this.#knows(waiting.saga, header.version)
          : mayGoOn(header, mailboxOf(mail, header));
      if (!goesOn) this.#tell([waiting], { status: "needs-attention", problem });
    }
  }
}

function first<T>(items: Iterable<T>, count: number): readonly T[] {
  const found: T[] = [];
  for (const item of items) if (found.push(item) >= count) break;
  return found;
}
