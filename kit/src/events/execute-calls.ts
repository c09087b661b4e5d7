import { type CellKey, type Change, type CommitResult, type Committer, RefusedError } from "../engine/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { commitPlan } from "./commit-plan.ts";
import type { AnyCall } from "./decide-group.ts";
import { streamOf } from "./decider.ts";
import { commandCell, findRepeated } from "./command-record.ts";
import type { EventMeta } from "./domain-event.ts";
import { ConflictError } from "./errors.ts";
import { type AcceptedPlan, planCalls, type RejectedPlan } from "./plan-calls.ts";
import type { PlannedResult } from "./planned-result.ts";
import { scopeOf } from "./plan-scope.ts";
import type { StoreContext } from "./store-context.ts";

const appends = telemetryChannel("ashlar.events.append");

/** Options of an execution, with types erased. */
export interface ExecuteRequest {
  readonly commandId?: string | undefined;
  readonly meta?: EventMeta | undefined;
  readonly in?: Committer | undefined;
  readonly also?: ((plan: AcceptedPlan) => readonly Change[]) | undefined;
}

export type AnyExecution =
  | { readonly status: "accepted" | "repeated"; readonly results: readonly PlannedResult[] }
  | RejectedPlan;

/** Plans and commits until the streams hold still, at most `conflictsMax` times. */
export async function executeCalls(
  context: StoreContext,
  calls: readonly AnyCall[],
  request: ExecuteRequest,
): Promise<AnyExecution> {
  const scope = scopeOf(context, request.in);
  const cell = cellOf(context, calls, request.commandId);
  const repeat = async (): Promise<readonly PlannedResult[] | undefined> =>
    cell === undefined ? undefined : (scope.own?.resultsOf(cell.key) ?? findRepeated(context, calls, cell));
  const { clock } = context.engine;
  const startedMs = appends.active ? clock.monotonic() : 0;
  for (let attempt = 1; ; attempt++) {
    const plan = await planCalls(scope, calls, { commandId: request.commandId, meta: request.meta, commandCell: cell });
    if (plan.status === "rejected") {
      // The rules may say no because the command was accepted before.
      const results = await repeat();
      return results === undefined ? plan : { status: "repeated", results };
    }
    const result = await commitAccepted(context, plan, request);
    if (appends.active) tell(context, plan, { result, durationMs: clock.monotonic() - startedMs });
    if (result.committed) {
      if (cell !== undefined) scope.own?.remember(cell.key, plan.results);
      return { status: "accepted", results: plan.results };
    }
    const results = result.index === 0 ? await repeat() : undefined;
    if (results !== undefined) return { status: "repeated", results };
    if (!isConflict(plan, result)) throw new RefusedError(result.refusal);
    if (attempt >= context.conflictsMax) throw new ConflictError(plan.streams, attempt);
  }
}

async function commitAccepted(
  context: StoreContext,
  plan: AcceptedPlan,
  request: ExecuteRequest,
): Promise<CommitResult> {
  try {
    const changes = request.also === undefined ? plan.changes : [...plan.changes, ...request.also(plan)];
    const nothing: CommitResult = { committed: true, outcomes: [] };
    const result =
      changes.length === 0 ? nothing : await commitPlan(context, { changes, pending: plan.pending, in: request.in });
    plan.committed(result);
    return result;
  } catch (error) {
    plan.committed({ committed: false });
    throw error;
  }
}

/** Whether the world moved on since the plan was made, so that a new plan may succeed. */
function isConflict(plan: AcceptedPlan, result: CommitResult & { readonly committed: false }): boolean {
  const { refusal } = result;
  if (refusal.kind === "version-conflict") return plan.streams.includes(refusal.stream);
  // A cell the plan itself names (a subject's key, an inline view); those of `also` are the caller's.
  return refusal.kind === "cell-conflict" && result.index < plan.changes.length;
}

function cellOf(context: StoreContext, calls: readonly AnyCall[], commandId: string | undefined): CellKey | undefined {
  if (commandId === undefined) return undefined;
  return commandCell(context.log, [...new Set(calls.map((call) => streamOf(call.decider, call.id)))], commandId);
}

interface Told {
  readonly result: CommitResult;
  readonly durationMs: number;
}

/** One telemetry event for each stream that something was appended to, or would have been. */
function tell({ log }: StoreContext, { changes }: AcceptedPlan, { result, durationMs }: Told): void {
  const outcome = result.committed ? "appended" : "conflict";
  for (const change of changes)
    if (change.op === "append")
      appends.publish({ log, stream: change.stream, events: change.events.length, outcome, durationMs });
}
