import { jsonCodec } from "../codec/mod.ts";
import { type CommitResult, RefusedError, type Transaction } from "../engine/mod.ts";
import { ConfigError, errorRecord, KitError, textOf, TimeoutError } from "../errors/mod.ts";
import { attempted, type Attempt, type Attempted } from "./attempts.ts";
import type { CommitPlan, StepContext, StepOptions, UndoOptions } from "./context.ts";
import { type Entry, stepText } from "./entry.ts";
import { StepFailedError } from "./errors.ts";
import type { ActiveRun } from "./active-run.ts";
import { endless } from "./host.ts";

const codec = jsonCodec<unknown>();
// A plan that still conflicts after so many fresh looks is under contention: the retry plan's back-off helps more than haste.
const conflictsMax = 20;

/** A step whose effects lie outside the engine: run, then record. */
export async function runStep<T>(
  execution: ActiveRun,
  name: string,
  step: { readonly run: (step: StepContext) => T | Promise<T>; readonly options: StepOptions<T> },
): Promise<T> {
  const { options } = step;
  const key = stepKey(execution, name);
  const found = execution.replay.claim(key);
  if (found !== undefined) return await replayed<T>(execution, found, options);
  const admitted = execution.enter(key);
  if (admitted !== undefined) await admitted;
  if (execution.writer.hasPendingTime) await storeTimes(execution, key);
  if (options.idempotent === "no" && beganBefore(execution, key)) return await outcomeUnknown(execution, key);
  const tried = attempted(execution, operationOf(execution, key, step));
  const done = tried instanceof Promise ? await tried : tried;
  if (!done.ok) return await notDone(execution, key, { done, options });
  try {
    execution.journal.noteAttempt(key, undefined);
    const text = done.value === undefined ? undefined : codec.encode(done.value);
    const entry = stepText(key, execution.nowMs(), { text, undo: undoFlag(options) });
    await execution.writer.append(`step:${key}`, entry, key);
  } catch (error) {
    return await execution.unrecordable(key, error);
  }
  return completed(execution, key, { value: done.value, options });
}

/** A time must be stored before an effect may depend on it. */
async function storeTimes(execution: ActiveRun, key: string): Promise<void> {
  try {
    await execution.writer.flush(`time:${key}`);
  } catch (error) {
    await execution.unrecordable(key, error);
  }
}

function operationOf<T>(
  execution: ActiveRun,
  name: string,
  step: { readonly run: (step: StepContext) => T | Promise<T>; readonly options: StepOptions<T> },
): Attempted<T> {
  const { run, options } = step;
  const plan = options.retry ?? execution.definition.rules.retry;
  const operation = { name, key: effectKey(execution, name), plan, timeoutMs: options.timeoutMs, work: run };
  return options.idempotent === "no" ? once(execution, operation) : operation;
}

/** Recorded before it begins, and not tried again when it took too long: it may still happen. */
function once<T>(execution: ActiveRun, operation: Attempted<T>): Attempted<T> {
  const { name, plan, work } = operation;
  return {
    ...operation,
    plan: { ...plan, retryable: (error) => !(error instanceof TimeoutError) && plan.retryable(error) },
    work: async (context) => {
      await begun(execution, name, context.attempt);
      return await work(context);
    },
  };
}

async function notDone(
  execution: ActiveRun,
  key: string,
  step: { readonly done: Attempt<unknown> & { readonly ok: false }; readonly options: StepOptions<never> },
): Promise<never> {
  const isUnknown = step.options.idempotent === "no" && step.done.error instanceof TimeoutError;
  return isUnknown ? await outcomeUnknown(execution, key) : await failed(execution, key, step.done);
}

/** A step whose effects are changes of the engine: one commit with the record. */
export async function runCommit<T>(
  execution: ActiveRun,
  name: string,
  step: {
    readonly plan: (step: StepContext) => CommitPlan<T> | Promise<CommitPlan<T>>;
    readonly options: UndoOptions<T>;
  },
): Promise<T> {
  const key = stepKey(execution, name);
  const found = execution.replay.claim(key);
  if (found !== undefined) return await replayed<T>(execution, found, step.options);
  const admitted = execution.enter();
  if (admitted !== undefined) await admitted;
  const done = await attempted(execution, {
    name: key,
    key: effectKey(execution, key),
    plan: step.options.retry ?? execution.definition.rules.retry,
    work: async (context) => await commitPlanned(execution, key, { ...step, context }),
  });
  if (!done.ok) return await failed(execution, key, done);
  return completed(execution, key, { value: done.value, options: step.options });
}

/** A step whose effects are the caller's own statements: one transaction with the record. */
export async function runTransaction<T>(
  execution: ActiveRun,
  name: string,
  step: {
    readonly work: (tx: Transaction<unknown>, step: StepContext) => T | Promise<T>;
    readonly options: UndoOptions<T>;
  },
): Promise<T> {
  const key = stepKey(execution, name);
  const found = execution.replay.claim(key);
  if (found !== undefined) return await replayed<T>(execution, found, step.options);
  const admitted = execution.enter();
  if (admitted !== undefined) await admitted;
  const done = await attempted(execution, {
    name: key,
    key: effectKey(execution, key),
    plan: step.options.retry ?? execution.definition.rules.retry,
    work: async (context) => {
      let value: T | undefined;
      await execution.writer.transact(key, async (tx) => {
        value = await step.work(tx, context);
        const text = value === undefined ? undefined : codec.encode(value);
        return stepText(key, execution.nowMs(), { text, undo: undoFlag(step.options) });
      });
      return value as T;
    },
  });
  if (!done.ok) return await failed(execution, key, done);
  return completed(execution, key, { value: done.value, options: step.options });
}

async function commitPlanned<T>(
  execution: ActiveRun,
  key: string,
  step: {
    readonly plan: (step: StepContext) => CommitPlan<T> | Promise<CommitPlan<T>>;
    readonly options: UndoOptions<T>;
    readonly context: StepContext;
  },
): Promise<T> {
  for (let conflicts = 0; ; conflicts++) {
    const { result, changes, committed } = await step.plan(step.context);
    const text = result === undefined ? undefined : codec.encode(result);
    const entry = stepText(key, execution.nowMs(), { text, undo: undoFlag(step.options) });
    const written = await execution.writer.commit({ point: `step:${key}`, texts: [entry], answers: [key], changes });
    // Told of a refusal too: what a planner has counted on in advance is not there.
    committed?.(written);
    if (written.committed) return result;
    if (!isConflict(written) || conflicts === conflictsMax) throw new RefusedError(written.refusal);
  }
}

export function isConflict(result: CommitResult & { readonly committed: false }): boolean {
  return result.refusal.kind === "version-conflict" || result.refusal.kind === "cell-conflict";
}

function stepKey(execution: ActiveRun, name: string): string {
  textOf("step name", name, { lengthMax: 200 });
  if (/[#:]/.test(name))
    throw new ConfigError("step name", name, "a text without # and :, which mark repeats and waits");
  return execution.replay.keyOf(name);
}

/** Stable across attempts, executors and versions; a checkpoint starts a new life of the names. */
function effectKey(execution: ActiveRun, key: string): string {
  const { epoch } = execution.journal.header;
  return epoch === undefined ? `${execution.key}/${key}` : `${execution.key}/${epoch}/${key}`;
}

function undoFlag<T>(options: UndoOptions<T>): "yes" | "no" {
  return options.undo === undefined && options.undoCommit === undefined ? "no" : "yes";
}

function remember<T>(execution: ActiveRun, key: string, options: UndoOptions<T>): void {
  if (undoFlag(options) === "yes") execution.undos.set(key, options);
}

async function replayed<T>(execution: ActiveRun, found: Entry, options: UndoOptions<T>): Promise<T> {
  await execution.replay.turns.arrive(found.n);
  if (found.k === "fail") throw new StepFailedError(found.n, found.a, found.e);
  remember(execution, found.n, options);
  // A copy, because the code may change it, and a later compensation is owed what was recorded.
  return (found.k === "step" ? structuredClone(found.r) : undefined) as T;
}

function completed<T>(
  execution: ActiveRun,
  key: string,
  done: { readonly value: T; readonly options: UndoOptions<T> },
): T | Promise<T> {
  remember(execution, key, done.options);
  execution.journal.noteAttempt(key, undefined);
  const turn = execution.replay.turns.arrive(key);
  return turn === undefined ? left(execution, key, done.value) : turn.then(() => left(execution, key, done.value));
}

function left<T>(execution: ActiveRun, key: string, value: T): T | Promise<T> {
  execution.leave(key);
  return execution.phase === "ended" ? endless() : value;
}

async function failed(
  execution: ActiveRun,
  key: string,
  done: Attempt<unknown> & { readonly ok: false },
): Promise<never> {
  const error = errorRecord(done.error);
  execution.journal.noteAttempt(key, undefined);
  const entry: Entry = { k: "fail", n: key, t: execution.nowMs(), a: done.attempts, e: error };
  try {
    await execution.writer.append(`step:${key}`, JSON.stringify(entry), key);
  } catch (fault) {
    return await execution.unrecordable(key, fault);
  }
  await execution.replay.turns.arrive(key);
  execution.leave(key);
  throw new StepFailedError(key, done.attempts, error);
}

/** Records that an attempt begins, so that after a crash nobody takes it for one that did not. */
async function begun(execution: ActiveRun, key: string, attempt: number): Promise<void> {
  const entry: Entry = { k: "begin", n: key, t: execution.nowMs(), a: attempt };
  try {
    await execution.writer.append(`begin:${key}`, JSON.stringify(entry));
  } catch (error) {
    await execution.unrecordable(key, error);
  }
}

function beganBefore(execution: ActiveRun, key: string): boolean {
  const begin = execution.journal.find("begin", key);
  return begin !== undefined && begin.a > (execution.journal.header.attempts?.[key]?.count ?? 0);
}

async function outcomeUnknown(execution: ActiveRun, key: string): Promise<never> {
  execution.stuck({ kind: "outcome-unknown", step: key, error: errorRecord(new OutcomeUnknownError(key)) });
  execution.leave(key);
  return await endless();
}

class OutcomeUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;

  constructor(step: string) {
    super(
      `an attempt of step "${step}" had no known end, and must not be repeated: find out whether it happened, then resolve, skip or retry it`,
    );
  }
}
