import type { Append, CellKey, Change, CommitResult } from "../engine/mod.ts";
import { commandRecord } from "./command-record.ts";
import { type AnyCall, type CallGroup, decideGroup, isDoubtful, type Verdict } from "./decide-group.ts";
import { streamOf } from "./decider.ts";
import type { EventMeta } from "./domain-event.ts";
import { encodeBatches, metaText } from "./encode-events.ts";
import type { Encoded } from "./event-batch.ts";
import type { PlannedResult } from "./planned-result.ts";
import { loadGroup, type PlanScope, reloadGroup } from "./plan-scope.ts";
import { snapshotDue } from "./snapshot.ts";
import type { StreamState } from "./state-cache.ts";
import type { PendingEvent } from "./store-context.ts";

/** What goes with all calls of a plan. */
export interface PlanRequest {
  readonly commandId?: string | undefined;
  readonly meta?: EventMeta | undefined;
  /** Where the execution of the command is recorded; written by the first change of the plan. */
  readonly commandCell?: CellKey | undefined;
}

/** Decisions in favour, as changes to be committed. */
export interface AcceptedPlan {
  readonly status: "accepted";
  readonly changes: readonly Change[];
  /** At the index of the call: version of its stream after the plan, events the call led to, and the state after the plan. */
  readonly results: readonly PlannedResult[];
  readonly streams: readonly string[];
  /** What the plan appends, for inline projections that run statements. */
  readonly pending: readonly PendingEvent[];
  committed(result: Pick<CommitResult, "committed">): void;
}

export interface RejectedPlan {
  readonly status: "rejected";
  readonly rejections: readonly { readonly index: number; readonly rejection: unknown }[];
}

/** Decides every call and prepares one list of changes, or reports the rejections. Writes nothing. */
export async function planCalls(
  scope: PlanScope,
  calls: readonly AnyCall[],
  request: PlanRequest,
): Promise<AcceptedPlan | RejectedPlan> {
  const { verdicts, advances } = await decideAll(scope, groupCalls(calls));
  if (advances === undefined)
    return {
      status: "rejected",
      rejections: verdicts.flatMap(({ rejection }) => (rejection === undefined ? [] : [rejection])),
    };
  const committed = (result: Pick<CommitResult, "committed">): void => {
    for (const advance of advances) settle(scope, advance, result.committed ? "kept" : "lost");
  };
  try {
    const { context } = scope;
    const pending =
      context.inline.length > 0 || context.sqlInline !== undefined ? pendingEvents(verdicts, request) : [];
    const changes = await changesOf(scope, verdicts, request);
    for (const project of context.inline) if (pending.length > 0) changes.push(...(await project(pending)));
    return {
      status: "accepted",
      changes,
      // Few ask for them, and a plan may hold many calls.
      get results() {
        return resultsOf(calls.length, verdicts);
      },
      get streams() {
        return verdicts.map((verdict) => verdict.group.stream);
      },
      pending,
      committed,
    };
  } catch (error) {
    committed({ committed: false });
    throw error;
  }
}

function groupCalls(calls: readonly AnyCall[]): readonly CallGroup[] {
  const groups = new Map<string, CallGroup & { readonly calls: { index: number; command: never }[] }>();
  for (const [index, { decider, id, command }] of calls.entries()) {
    const stream = streamOf(decider, id);
    const group = groups.get(stream);
    if (group === undefined)
      groups.set(stream, { decider, stream, calls: [{ index, command }], entry: undefined, readVersion: undefined });
    else group.calls.push({ index, command });
  }
  return [...groups.values()];
}

interface Decided {
  readonly verdicts: readonly Verdict[];
  /** Undefined when something was rejected. */
  readonly advances: readonly Advance[] | undefined;
}

/** Decides in one turn on states that belong together, and moves them ahead before anybody else gets a turn: with an await in between,
 *  all commands in flight would build on the same version. Each group is read at most twice, so the loop ends. */
async function decideAll(scope: PlanScope, groups: readonly CallGroup[]): Promise<Decided> {
  const reread = new Set<CallGroup>();
  for (;;) {
    for (const group of groups)
      if (!reread.has(group)) group.entry = scope.cache.get(group.stream, group.decider) ?? group.entry;
    const missing = groups.filter((group) => group.entry === undefined);
    if (missing.length > 0) {
      await Promise.all(missing.map((group) => loadGroup(scope, group)));
      continue;
    }
    const verdicts: Verdict[] = [];
    for (const group of groups) if (group.entry !== undefined) verdicts.push(decideGroup(group, group.entry));
    const doubtful =
      scope.own !== undefined ? [] : verdicts.filter((verdict) => !reread.has(verdict.group) && isDoubtful(verdict));
    if (doubtful.length === 0) return { verdicts, advances: advanceAll(scope, verdicts) };
    for (const { group } of doubtful) reread.add(group);
    await Promise.all(doubtful.map(({ group }) => reloadGroup(scope, group)));
  }
}

/** A state that was moved ahead by a verdict. */
interface Advance {
  readonly verdict: Verdict;
  readonly own: StreamState;
}

function advanceAll(scope: PlanScope, verdicts: readonly Verdict[]): readonly Advance[] | undefined {
  if (verdicts.some(({ rejection }) => rejection !== undefined)) return undefined;
  const advances: Advance[] = [];
  for (const verdict of verdicts)
    if (verdict.events.length > 0) advances.push({ verdict, own: advanced(scope, verdict) });
  return advances;
}

/** Moves the shared state ahead, so that the next command builds on this one before it is committed. */
function advanced({ cache }: PlanScope, { group, entry, next }: Verdict): StreamState {
  const isShared = cache.get(group.stream, group.decider) === entry;
  const own = isShared ? entry : { ...entry };
  own.version = next.version;
  own.state = next.state;
  if (!isShared) cache.set(group.stream, own);
  return own;
}

function settle(scope: PlanScope, { verdict, own }: Advance, outcome: "kept" | "lost"): void {
  const { group, next, events } = verdict;
  if (outcome === "lost") return scope.cache.drop(group.stream, own);
  scope.own?.appended({ stream: group.stream, types: group.decider.events, events }, next.version);
  if (next.version <= own.confirmedVersion) return;
  own.confirmedVersion = next.version;
  own.confirmedState = next.state;
}

async function changesOf(scope: PlanScope, verdicts: readonly Verdict[], request: PlanRequest): Promise<Change[]> {
  const { context } = scope;
  const active = verdicts.filter((verdict) => verdict.events.length > 0);
  const batches = active.map(({ group, events }) => ({ stream: group.stream, types: group.decider.events, events }));
  const encoding = encodeBatches(context, batches, metaText(request.meta, request.commandId));
  const encoded: Encoded = encoding instanceof Promise ? await encoding : encoding;
  const changes: Change[] =
    request.commandCell === undefined ? [] : [commandRecord(context, request.commandCell, verdicts)];
  changes.push(...encoded.guards);
  for (const [index, { group, next, events }] of active.entries()) {
    const fromVersion = next.version - events.length;
    const append: Append = {
      op: "append",
      log: context.log,
      stream: group.stream,
      expected: fromVersion,
      events: encoded.events[index] ?? [],
    };
    changes.push(append);
    const copy = snapshotDue(context, { decider: group.decider, stream: group.stream, fromVersion, next });
    if (copy !== undefined) changes.push(copy);
  }
  return changes;
}

function pendingEvents(verdicts: readonly Verdict[], request: PlanRequest): readonly PendingEvent[] {
  const meta = request.commandId === undefined ? request.meta : { ...request.meta, commandId: request.commandId };
  return verdicts.flatMap(({ group, next, events }) =>
    events.map((event, index) => ({
      ...event,
      stream: group.stream,
      version: next.version - events.length + index + 1,
      meta,
    })),
  );
}

function resultsOf(count: number, verdicts: readonly Verdict[]): readonly PlannedResult[] {
  const results = Array.from<PlannedResult>({ length: count });
  for (const { group, next, decisions } of verdicts)
    for (const [order, { index }] of group.calls.entries())
      results[index] = {
        stream: group.stream,
        version: next.version,
        events: decisions[order] ?? [],
        state: next.state,
      };
  return results;
}
