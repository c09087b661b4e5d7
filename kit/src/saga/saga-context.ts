import { jsonCodec } from "../codec/mod.ts";
import { integerIn, textOf } from "../errors/mod.ts";
import type { ChildOptions, SagaContext, SagaOf, StepContext, StepRunner, UndoOptions } from "./context.ts";
import { checkpoint } from "./checkpoint.ts";
import { childBranch } from "./entry.ts";
import { ChildFailedError } from "./errors.ts";
import type { ActiveRun } from "./active-run.ts";
import type { RunOutcome } from "./outcome.ts";
import type { Approval, ApprovalOptions, SignalDefinition, SignalOutcome } from "./signal.ts";
import { runCommit, runStep, runTransaction } from "./steps.ts";
import type { WaitSpec } from "./wait-spec.ts";

const delayMsMax = 3_155_760_000_000; // a century, the engine's limit
const noOptions = {};
const codec = jsonCodec<unknown>();

interface SignalWait {
  readonly name?: string;
  readonly withinMs?: number;
}

/** The context of one execution. */
export function sagaContext(execution: ActiveRun): SagaContext<never> {
  return new Context(execution) as unknown as SagaContext<never>;
}

type Start = [input: unknown, options?: ChildOptions<never>];

/** Functions are made when they are asked for: a run uses few of them, and there are many runs. */
class Context {
  readonly saga: string;
  readonly id: string;
  readonly key: string;
  readonly version: string;
  readonly restored: unknown;
  readonly #execution: ActiveRun;
  #step: StepRunner | undefined;

  constructor(execution: ActiveRun) {
    const { definition, journal } = execution;
    this.#execution = execution;
    this.saga = definition.name;
    this.id = execution.id;
    this.key = execution.key;
    this.version = definition.version;
    this.restored = journal.header.state;
  }

  get cancelled(): AbortSignal {
    return this.#execution.cancelled;
  }

  get step(): StepRunner {
    return (this.#step ??= stepRunner(this.#execution));
  }

  get fail(): unknown {
    return (reason: string, detail?: unknown): never => fail(this.#execution, reason, detail);
  }

  get sleep(): unknown {
    return (name: string, delayMs: number) => this.#execution.waits.wait(sleepSpec(name, delayMs));
  }

  get signal(): unknown {
    return (definition: SignalDefinition<unknown>, options: SignalWait = {}) =>
      this.#execution.waits.wait(signalSpec(definition, options));
  }

  get race(): unknown {
    return (branches: Readonly<Record<string, Promise<unknown>>>, options: { readonly name?: string } = {}) =>
      this.#execution.waits.race(branches, options.name === undefined ? undefined : `race:${options.name}`);
  }

  get child(): unknown {
    return (definition: SagaOf<unknown, unknown>, id: string, ...start: Start) =>
      this.#execution.waits.wait(childSpec(definition, id, start));
  }

  get approval(): unknown {
    return (name: string, options: ApprovalOptions) => this.#execution.waits.wait(approvalSpec(name, options));
  }

  get checkpoint(): unknown {
    return async (state: unknown) => await checkpoint(this.#execution, state);
  }

  get now(): unknown {
    return () => recordedNow(this.#execution);
  }

  get random(): unknown {
    return () => this.#execution.random.next();
  }
}

function stepRunner(execution: ActiveRun): StepRunner {
  const runner = (name: string, run: never, options: object = noOptions): Promise<unknown> =>
    held(runStep(execution, name, { run, options }));
  runner.commit = (name: string, plan: never, options: object = noOptions) =>
    held(runCommit(execution, name, { plan, options }));
  runner.tx = (name: string, work: never, options: object = noOptions) =>
    held(runTransaction(execution, name, { work, options }));
  return runner as StepRunner;
}

/** A failed step that the code does not await must not end the process. */
function held(step: Promise<unknown>): Promise<unknown> {
  step.catch(ignored);
  return step;
}

function ignored(): void {}

function fail(execution: ActiveRun, reason: string, detail: unknown): never {
  textOf("reason", reason, { lengthMax: 1_000 });
  codec.encode(detail);
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
  if (execution.phase !== "forward") return nowMs; // asked by code that must not go on
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

function signalSpec(definition: SignalDefinition<unknown>, options: SignalWait): WaitSpec<unknown> {
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

function childSpec(definition: SagaOf<unknown, unknown>, id: string, start: Start): WaitSpec<unknown> {
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
    branches: {
      [childBranch]: { kind: "child", definition, id, input, undo: undoChild as UndoOptions<never> | undefined },
    },
    valueOf: (_, result) => {
      const outcome = result as RunOutcome;
      if (outcome.status === "completed") return outcome.output;
      throw new ChildFailedError(name, outcome);
    },
  };
}
