import { integerIn, textOf } from "../errors/mod.ts";
import type { ChildOptions, SagaContext, SagaOf, StepContext, StepRunner, UndoOptions } from "./context.ts";
import { checkpoint } from "./checkpoint.ts";
import { ChildFailedError } from "./errors.ts";
import type { ActiveRun } from "./active-run.ts";
import type { RunOutcome } from "./outcome.ts";
import type { Approval, ApprovalOptions, SignalDefinition, SignalOutcome } from "./signal.ts";
import { runCommit, runStep, runTransaction } from "./steps.ts";
import type { WaitSpec } from "./wait-spec.ts";

const delayMsMax = 3_155_760_000_000; // a century, the engine's limit

/** The context of one execution. */
export function sagaContext(execution: ActiveRun): SagaContext<never> {
  const { definition, journal } = execution;
  const context = {
    saga: definition.name,
    id: journal.id,
    key: execution.key,
    version: definition.version,
    restored: journal.header.state as never,
    get cancelled() {
      return execution.cancelled;
    },
    step: stepRunner(execution),
    fail: (reason: string, detail?: unknown): never => fail(execution, reason, detail),
    sleep: (name: string, delayMs: number) => execution.waits.wait(sleepSpec(name, delayMs)),
    signal: (
      definition: SignalDefinition<unknown>,
      options: { readonly name?: string; readonly withinMs?: number } = {},
    ) => execution.waits.wait(signalSpec(definition, options)),
    race: (branches: Readonly<Record<string, Promise<unknown>>>, options: { readonly name?: string } = {}) =>
      execution.waits.race(branches, options.name === undefined ? undefined : `race:${options.name}`),
    child: (
      definition: SagaOf<unknown, unknown>,
      id: string,
      ...start: [input: unknown, options?: ChildOptions<never>]
    ) => execution.waits.wait(childSpec(definition, id, start)),
    approval: (name: string, options: ApprovalOptions) => execution.waits.wait(approvalSpec(name, options)),
    checkpoint: async (state: unknown) => await checkpoint(execution, state),
    now: () => recordedNow(execution),
    random: () => execution.random.next(),
  };
  return context as unknown as SagaContext<never>;
}

function stepRunner(execution: ActiveRun): StepRunner {
  const runner = (name: string, run: never, options = {}): Promise<unknown> =>
    held(runStep(execution, name, { run, options }));
  return Object.assign(runner, {
    commit: (name: string, plan: never, options = {}) => held(runCommit(execution, name, { plan, options })),
    tx: (name: string, work: never, options = {}) => held(runTransaction(execution, name, { work, options })),
  }) as StepRunner;
}

/** A failed step that the code does not await must not end the process. */
function held(step: Promise<unknown>): Promise<unknown> {
  step.catch(ignored);
  return step;
}

function ignored(): void {}

function fail(execution: ActiveRun, reason: string, detail: unknown): never {
  textOf("reason", reason, { lengthMax: 1_000 });
  execution.fail({ reason, ...(detail !== undefined && { detail }) });
  throw new SagaStopped(reason);
}

/** Unwinds the code after `fail`. The decision is made already: catching this changes nothing. */
class SagaStopped extends Error {}

function recordedNow(execution: ActiveRun): number {
  const key = execution.replay.keyOf("now:");
  const found = execution.replay.claim(key);
  if (found !== undefined) return found.t;
  const nowMs = execution.nowMs();
  execution.writer.pending.push(JSON.stringify({ k: "now", n: key, t: nowMs }));
  execution.writer.hasPendingTime = true;
  return nowMs;
}

function sleepSpec(name: string, delayMs: number): WaitSpec<void> {
  textOf("name", name, { lengthMax: 200 });
  integerIn("delayMs", delayMs, { min: 0, max: delayMsMax });
  return {
    name: `sleep:${name}`,
    on: `the time of sleep "${name}"`,
    branches: { due: { kind: "timer", delayMs } },
    valueOf: () => undefined,
  };
}

function signalSpec(
  definition: SignalDefinition<unknown>,
  options: { readonly name?: string; readonly withinMs?: number },
): WaitSpec<unknown> {
  const { name = definition.name, withinMs } = options;
  const spec = { name: `signal:${name}`, on: `signal "${definition.name}"` };
  const signal = { kind: "signal", name: definition.name } as const;
  if (withinMs === undefined) return { ...spec, branches: { signal }, valueOf: (_, payload) => payload };
  integerIn("withinMs", withinMs, { min: 0, max: delayMsMax });
  return {
    ...spec,
    branches: { signal, timeout: { kind: "timer", delayMs: withinMs } },
    valueOf: (branch, payload): SignalOutcome<unknown> =>
      branch === "signal" ? { received: true, payload } : { received: false },
  };
}

/** Name of the signal that carries the decision of an approval. */
export function approvalSignal(name: string): string {
  return `approval:${name}`;
}

function approvalSpec(name: string, options: ApprovalOptions): WaitSpec<Approval> {
  textOf("name", name, { lengthMax: 100 });
  const { withinMs, otherwise, assignee } = options;
  integerIn("withinMs", withinMs, { min: 0, max: delayMsMax });
  return {
    name: `approval:${name}`,
    on: assignee === undefined ? `approval "${name}"` : `approval "${name}" by ${assignee}`,
    branches: {
      decision: { kind: "signal", name: approvalSignal(name) },
      timeout: { kind: "timer", delayMs: withinMs },
    },
    valueOf: (branch, result) =>
      branch === "decision"
        ? (result as Approval)
        : { approved: otherwise === "approve", by: undefined, note: undefined },
  };
}

function childSpec(
  definition: SagaOf<unknown, unknown>,
  id: string,
  start: [input: unknown, options?: ChildOptions<never>],
): WaitSpec<unknown> {
  textOf("id", id, { lengthMax: 400 });
  const [input, { undo, retry } = {}] = start;
  const name = `${definition.name}/${id}`;
  const undoChild =
    undo === undefined
      ? undefined
      : { undo: (outcome: { readonly output: never }, step: StepContext) => undo(outcome.output, step), retry };
  return {
    name: `child:${name}`,
    on: `child ${name}`,
    branches: { ended: { kind: "child", definition, id, input, undo: undoChild as UndoOptions<never> | undefined } },
    valueOf: (_, result) => {
      const outcome = result as RunOutcome;
      if (outcome.status === "completed") return outcome.output;
      throw new ChildFailedError(name, outcome);
    },
  };
}
