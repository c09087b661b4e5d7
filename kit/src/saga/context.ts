import type { Change, CommitResult, Durability, Transaction } from "../engine/mod.ts";
import type { RetryPlan } from "../queue/mod.ts";
import type { Approval, ApprovalOptions, SignalDefinition, SignalOutcome } from "./signal.ts";

/** What one attempt of a step, or of a compensation, may need. */
export interface StepContext {
  /** The same in every attempt, also after a crash: give it to whoever must do the effect once. `<saga>/<run>/<step>`. */
  readonly key: string;
  /** 1 for the first. Failed attempts are counted durably; one that died with its process is not. */
  readonly attempt: number;
  /** Aborts when the time is up, the lease was lost, or a drain has run out of patience. */
  readonly signal: AbortSignal;
}

/** A commit that compensates: applied in one commit with the record that it is done. */
export interface UndoCommit {
  readonly changes: readonly Change[];
  readonly committed?: ((result: CommitResult) => void) | undefined;
}

/** How a step is undone when the run fails or is cancelled later. At most one of the two. */
export interface UndoOptions<T> {
  /** Called with the recorded result, at least once, in reverse order of completion, retried like a step. */
  readonly undo?: ((result: T, step: StepContext) => unknown) | undefined;
  /** The same as one engine commit: exactly once. */
  readonly undoCommit?: ((result: T, step: StepContext) => UndoCommit | Promise<UndoCommit>) | undefined;
  readonly retry?: RetryPlan | undefined;
}

/** How a step is tried, timed and undone. */
export interface StepOptions<T> extends UndoOptions<T> {
  /** Aborts `step.signal` and ends the attempt, in milliseconds. Default: no limit, no timer. */
  readonly timeoutMs?: number | undefined;
  /** "no": the attempt is recorded before it starts, and one that may have happened (its process died) is not repeated:
   *  the run asks for attention instead. Default "yes": repeated with the same key. */
  readonly idempotent?: "yes" | "no" | undefined;
}

/** Result and changes of a `step.commit`. `committed` is told the outcomes of exactly these changes. */
export interface CommitPlan<T> {
  readonly result: T;
  readonly changes: readonly Change[];
  readonly committed?: ((result: CommitResult) => void) | undefined;
}

/** Runs steps; each is recorded, so that no later execution runs it again. */
export interface StepRunner {
  /**
   * Runs `run` and records its result durably before resolving; later executions get the record. A failing attempt is retried by
   * plan (short waits in memory, long ones parked); when the plan is used up it rejects with StepFailedError, which compensates the run
   * unless caught. Repeated names get an index (`name#2`). The result must be JSON. Cost: one commit.
   */
  <T>(name: string, run: (step: StepContext) => T | Promise<T>, options?: StepOptions<T>): Promise<T>;
  /**
   * Commits the planned changes together with the record of the step: exactly once. `plan` must have no effects of its own; it is
   * asked again on a version or cell conflict (at most 20 times, then by the retry plan).
   */
  readonly commit: <T>(
    name: string,
    plan: (step: StepContext) => CommitPlan<T> | Promise<CommitPlan<T>>,
    options?: UndoOptions<T>,
  ) => Promise<T>;
  /** Runs the caller's own statements in one transaction with the record of the step: exactly once. Throws UnsupportedError on engines without transactions. */
  readonly tx: <T, Sql = unknown>(
    name: string,
    work: (tx: Transaction<Sql>, step: StepContext) => T | Promise<T>,
    options?: UndoOptions<T>,
  ) => Promise<T>;
}

/** How a child that has completed is undone. */
export interface ChildOptions<Output> {
  /** Called when the parent is compensated after the child has completed. */
  readonly undo?: ((output: Output, step: StepContext) => unknown) | undefined;
  readonly retry?: RetryPlan | undefined;
}

/** The branch of a race that came first. */
export type RaceWinner<Branches> = {
  readonly [Name in keyof Branches]: { readonly winner: Name; readonly value: Awaited<Branches[Name]> };
}[keyof Branches];

/** What the function of a saga works with. Await nothing else: parallel use (`Promise.all`) is safe, because names identify operations. */
export interface SagaContext<State = unknown> {
  readonly saga: string;
  readonly id: string;
  /** `<saga>/<run>`: an idempotency key for the whole run. */
  readonly key: string;
  readonly version: string;
  /** State of the latest checkpoint; undefined before the first. */
  readonly restored: State | undefined;
  /** Aborts when the run is asked to cancel. */
  readonly cancelled: AbortSignal;
  readonly step: StepRunner;
  /** Ends the run as `failed`: a business decision, not a fault. Compensates, also when the throw is caught. */
  readonly fail: (reason: string, detail?: unknown) => never;
  /** Waits durably: the end is fixed when the wait begins. Above a second the run is parked and costs no memory. */
  readonly sleep: (name: string, delayMs: number) => Promise<void>;
  /** Takes the oldest signal of that name, sent before or after. Every signal is taken once. */
  signal<Payload>(definition: SignalDefinition<Payload>, options?: { readonly name?: string }): Promise<Payload>;
  /** The same with a limit: signal and timeout exclude each other, and which it was is recorded. */
  signal<Payload>(
    definition: SignalDefinition<Payload>,
    options: { readonly name?: string; readonly withinMs: number },
  ): Promise<SignalOutcome<Payload>>;
  /** The first of several waits (sleep, signal, approval, child), given where they are made; the others take nothing any more. */
  race<Branches extends Readonly<Record<string, Promise<unknown>>>>(
    branches: Branches,
    options?: { readonly name?: string },
  ): Promise<RaceWinner<Branches>>;
  /** Runs another saga and waits for it. Rejects with ChildFailedError when it ends otherwise; is cancelled with its parent. */
  child<Input, Output>(
    definition: SagaOf<Input, Output>,
    id: string,
    ...start: [input: Input, options?: ChildOptions<Output>]
  ): Promise<Output>;
  /** Waits for a person's decision (`sagas.approve`, `sagas.reject`). */
  readonly approval: (name: string, options: ApprovalOptions) => Promise<Approval>;
  /**
   * Replaces the journal by `state`: the function starts there next time (`restored`), with names counted anew. What lies before is
   * final and no longer compensated. The point where a run can change its version. Nothing else may be in progress.
   */
  checkpoint(state: State): Promise<void>;
  /** Engine time, the same on every replay; recorded before the next step runs. */
  readonly now: () => number;
  /** From 0 up to 1, the same on every replay. Not for secrets. */
  readonly random: () => number;
}

/** Resolved options. */
export interface SagaRules {
  readonly parse: (input: unknown) => unknown;
  readonly retry: RetryPlan;
  readonly crashesMax: number;
  readonly leaseMs: number;
  readonly requires: Durability | undefined;
  readonly keepMs: number;
  readonly migrate: ReadonlyMap<string, (state: unknown) => unknown>;
}

/** A saga as a plain value: nothing runs until `openSagas` is given it. */
export interface SagaDefinition<Input, Output, State = unknown> {
  readonly name: string;
  readonly version: string;
  readonly rules: SagaRules;
  readonly run: (input: Input, context: SagaContext<State>) => Promise<Output>;
}

/** A definition whatever its checkpoint state. */
export type SagaOf<Input, Output> = SagaDefinition<Input, Output, never>;

/** A definition whatever its types. */
export type AnySaga = SagaDefinition<never, unknown, never>;
