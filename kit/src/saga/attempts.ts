import { abortable, linkSignals, signalAfter } from "../abort/mod.ts";
import { errorRecord, TimeoutError } from "../errors/mod.ts";
import { decideRetry, type RetryDecision, type RetryPlan } from "../queue/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { StepContext } from "./context.ts";
import type { ActiveRun } from "./active-run.ts";
import { endless } from "./host.ts";

const steps = telemetryChannel("ashlar.saga.step");

/** One operation that may take several attempts. */
export interface Attempted<T> {
  /** Name in the journal: the step's, or `undo:` and the step's. */
  readonly name: string;
  readonly key: string;
  readonly plan: RetryPlan;
  readonly timeoutMs?: number | undefined;
  readonly work: (step: StepContext) => T | Promise<T>;
}

export type Attempt<T> =
  | { readonly ok: true; readonly value: T; readonly attempt: number }
  | { readonly ok: false; readonly error: unknown; readonly attempts: number };

/**
 * Runs an operation until it succeeds or its plan is used up. Every failure is counted durably before the next attempt, so that
 * a crash does not refill the plan. The execution must have been entered; it is left while a back-off lasts.
 */
export function attempted<T>(execution: ActiveRun, operation: Attempted<T>): Attempt<T> | Promise<Attempt<T>> {
  const isPlain = operation.timeoutMs === undefined && execution.journal.header.attempts === undefined && !steps.active;
  const confirming = execution.confirmLease();
  if (confirming !== undefined) return confirming.then(() => repeated(execution, operation, undefined));
  if (!isPlain) return repeated(execution, operation, undefined);
  // Nearly every attempt is a first one that nobody times or watches: work that does not wait costs no promise.
  let value: T | Promise<T>;
  try {
    value = operation.work(new Step(execution, operation.key, 1));
  } catch (error) {
    return repeated(execution, operation, Promise.reject(error));
  }
  if (isPromiseLike(value)) return repeated(execution, operation, value);
  return execution.phase === "ended" ? endless() : { ok: true, value, attempt: 1 };
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** `begun`: the first attempt is on its way already. */
async function repeated<T>(
  execution: ActiveRun,
  operation: Attempted<T>,
  begun: PromiseLike<T> | undefined,
): Promise<Attempt<T>> {
  for (let first = begun; ; first = undefined) {
    const past = execution.journal.header.attempts?.[operation.name];
    const attempt = (past?.count ?? 0) + 1;
    if (past !== undefined && past.dueAtMs > execution.nowMs())
      await execution.waits.pause(operation.name, past.dueAtMs);
    if (first === undefined && (await isOver(execution))) return await endless();
    const startedMs = steps.active ? execution.host.engine.clock.monotonic() : 0;
    try {
      const value = await (first ?? begin(execution, operation, attempt));
      if (execution.phase === "ended") return await endless();
      if (steps.active) publish(execution, operation.name, { attempt, outcome: "done", startedMs });
      return { ok: true, value, attempt };
    } catch (error) {
      if (execution.phase === "ended") return await endless();
      const decision = decided(execution, operation, { attempt, error });
      if (steps.active) {
        const outcome = decision.kind === "dead" ? "failed" : "retry";
        publish(execution, operation.name, { attempt, outcome, startedMs, error: decision.error });
      }
      if (decision.kind === "dead") return { ok: false, error: decision.error, attempts: attempt };
      const dueAtMs = execution.nowMs() + decision.delayMs;
      execution.journal.noteAttempt(operation.name, { count: attempt, error: errorRecord(error), dueAtMs });
      try {
        await execution.writer.flush(`${operation.name}:failed`);
      } catch (fault) {
        execution.journal.noteAttempt(operation.name, past);
        return await execution.unrecordable(operation.name, fault);
      }
      if (execution.isDraining) await execution.abandon();
    }
  }
}

/** What a failure leads to. A plan whose own predicate throws cannot tell what another attempt would do: the operation has failed for good. */
function decided<T>(
  execution: ActiveRun,
  operation: Attempted<T>,
  failed: { readonly attempt: number; readonly error: unknown },
): RetryDecision & { readonly error: unknown } {
  try {
    return { ...decideRetry(operation.plan, failed, execution.host.random), error: failed.error };
  } catch (error) {
    const { message } = errorRecord(error);
    const both = new AggregateError([failed.error, error], `the retry plan of "${operation.name}" threw: ${message}`);
    return { kind: "dead", reason: "not-retryable", error: both };
  }
}

/** Whether another executor may have the run, and does. */
async function isOver(execution: ActiveRun): Promise<boolean> {
  await execution.confirmLease();
  return execution.phase === "ended";
}

function begin<T>(execution: ActiveRun, operation: Attempted<T>, attempt: number): T | Promise<T> {
  const { key, timeoutMs, work } = operation;
  if (timeoutMs === undefined) return work(new Step(execution, key, attempt));
  return timed(execution, { ...operation, timeoutMs }, attempt);
}

async function timed<T>(
  execution: ActiveRun,
  operation: Attempted<T> & { readonly timeoutMs: number },
  attempt: number,
): Promise<T> {
  const { name, timeoutMs } = operation;
  using late = signalAfter(execution.host.engine.clock, timeoutMs, () => new TimeoutError(`step "${name}"`, timeoutMs));
  using linked = linkSignals([late.signal, execution.signal]);
  const step = { key: operation.key, attempt, signal: linked.signal };
  return await abortable((async () => await operation.work(step))(), linked.signal);
}

/** A class, so that the signal is made only when somebody asks for it. */
class Step implements StepContext {
  readonly key: string;
  readonly attempt: number;
  readonly #execution: ActiveRun;

  constructor(execution: ActiveRun, key: string, attempt: number) {
    this.#execution = execution;
    this.key = key;
    this.attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#execution.signal;
  }
}

function publish(
  execution: ActiveRun,
  name: string,
  event: {
    readonly attempt: number;
    readonly outcome: "done" | "retry" | "failed";
    readonly startedMs: number;
    readonly error?: unknown;
  },
): void {
  const { startedMs, ...told } = event;
  steps.publish({
    saga: execution.definition.name,
    runId: execution.id,
    step: name,
    direction: execution.phase === "undoing" ? "undo" : "forward",
    durationMs: execution.host.engine.clock.monotonic() - startedMs,
    ...told,
  });
}
