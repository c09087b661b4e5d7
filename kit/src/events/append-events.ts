import { type Append, type Change, type CommitResult, type ExpectedVersion, RefusedError } from "../engine/mod.ts";
import { invariant } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { appendRecord, commandCell, recordedSpan } from "./command-record.ts";
import { commitPlan } from "./commit-plan.ts";
import type { DomainEvent } from "./domain-event.ts";
import { ConflictError } from "./errors.ts";
import { encodeBatches, metaText } from "./encode-events.ts";
import type { Batch } from "./event-batch.ts";
import type { Appended, AppendOptions } from "./event-store.ts";
import { type PlanScope, scopeOf } from "./plan-scope.ts";
import type { PendingEvent, StoreContext } from "./store-context.ts";

const appends = telemetryChannel("ashlar.events.append");

/** Appends without a decider. Inline projections need the version in advance, so with them the stream is read first. */
export async function appendEvents<Event extends DomainEvent>(
  context: StoreContext,
  batch: Batch,
  options: AppendOptions<Event>,
): Promise<Appended> {
  const { clock } = context.engine;
  const startedMs = appends.active ? clock.monotonic() : 0;
  const answer = await appendUntilSettled(context, batch, options);
  if (appends.active)
    appends.publish({
      log: context.log,
      stream: batch.stream,
      events: batch.events.length,
      outcome: answer.status === "conflict" ? "conflict" : "appended",
      durationMs: clock.monotonic() - startedMs,
    });
  return answer;
}

/** Prepares anew while something that belongs to the preparation was changed by another: a subject's key, an inline view, or the
 *  version that an inline view was told. */
async function appendUntilSettled(context: StoreContext, batch: Batch, options: AppendOptions): Promise<Appended> {
  const isProjected = context.inline.length > 0 || context.sqlInline !== undefined;
  let expected = isProjected ? await exactVersion(context, batch.stream, options.expected) : options.expected;
  for (let attempt = 1; ; attempt++) {
    const prepared = await prepare(context, batch, { ...options, expected });
    const { changes, ownCount, appendIndex } = prepared;
    const result = await commitPlan(context, { changes, pending: prepared.pending, in: options.in });
    // Not what the cache believes any more; with a wrong belief the next command would only lose a turn.
    context.cache.drop(batch.stream);
    if (result.committed) rememberIn(scopeOf(context, options.in), { batch, result, appendIndex, options });
    if (result.committed || (result.index === 0 && options.commandId !== undefined))
      return answerTo(context, result, { batch, appendIndex, options });
    const { refusal, index } = result;
    const isMoved =
      isProjected &&
      refusal.kind === "version-conflict" &&
      index === appendIndex &&
      allows(options.expected, refusal.actual);
    const isOwnCell = refusal.kind === "cell-conflict" && index < ownCount;
    if (!isMoved && !isOwnCell) return answerTo(context, result, { batch, appendIndex, options });
    if (isMoved) expected = refusal.actual;
    if (attempt >= context.conflictsMax) throw new ConflictError([batch.stream], attempt);
  }
}

interface Prepared {
  readonly changes: readonly Change[];
  /** Changes of the store itself; those of `also` stand behind them. */
  readonly ownCount: number;
  readonly appendIndex: number;
  readonly pending: readonly PendingEvent[];
}

async function prepare(context: StoreContext, batch: Batch, options: AppendOptions): Promise<Prepared> {
  const encoding = encodeBatches(context, [batch], metaText(options.meta, options.commandId));
  const encoded = encoding instanceof Promise ? await encoding : encoding;
  const { stream } = batch;
  const { expected } = options;
  const append: Append = { op: "append", log: context.log, stream, expected, events: encoded.events[0] ?? [] };
  const changes: Change[] = [...commandGuard(context, batch, options), ...encoded.guards, append];
  const appendIndex = changes.length - 1;
  const pending = typeof expected === "number" ? pendingOf(batch, expected, options) : [];
  for (const project of context.inline) changes.push(...(await project(pending)));
  const ownCount = changes.length;
  return { changes: [...changes, ...(options.also ?? [])], ownCount, appendIndex, pending };
}

/** Inline projections are told versions before the commit, so with them the append insists on the version it found. */
async function exactVersion(
  context: StoreContext,
  stream: string,
  expected: ExpectedVersion,
): Promise<ExpectedVersion> {
  if (typeof expected === "number") return expected;
  if (expected === "new") return 0;
  const head = await headOf(context, stream);
  // A stream that does not exist cannot be what "existing" expects: let the engine say so.
  return expected === "existing" && head === 0 ? 1 : head;
}

interface Asked {
  readonly batch: Batch;
  readonly appendIndex: number;
  readonly options: AppendOptions;
}

/** What a transaction has appended counts for the commands that follow in it. */
function rememberIn(
  { context, own, cache }: PlanScope,
  { batch, appendIndex, options, result }: Asked & Settled,
): void {
  if (own === undefined) return;
  const { stream, events } = batch;
  const version = versionAt(result, appendIndex);
  cache.drop(stream);
  own.appended(batch, version);
  if (options.commandId !== undefined)
    own.remember(commandCell(context.log, [stream], options.commandId).key, [
      { stream, version, events, state: undefined },
    ]);
}

interface Settled {
  readonly result: CommitResult & { readonly committed: true };
}

function versionAt({ outcomes }: Settled["result"], appendIndex: number): number {
  const outcome = outcomes[appendIndex];
  invariant(outcome?.op === "append", "the outcome of an append stands at its index");
  return outcome.version;
}

async function answerTo(
  context: StoreContext,
  result: CommitResult,
  { batch: { stream }, appendIndex, options }: Asked,
): Promise<Appended> {
  if (result.committed) return { status: "appended", version: versionAt(result, appendIndex) };
  const { refusal } = result;
  if (refusal.kind === "version-conflict" && result.index === appendIndex)
    return { status: "conflict", expected: options.expected, actual: refusal.actual };
  if (options.commandId !== undefined && result.index === 0) {
    const cell = commandCell(context.log, [stream], options.commandId);
    const [own] = scopeOf(context, options.in).own?.resultsOf(cell.key) ?? [];
    const [, version] = own === undefined ? await recordedSpan(context, cell, stream) : [0, own.version];
    return { status: "repeated", version };
  }
  throw new RefusedError(refusal);
}

function commandGuard(
  context: StoreContext,
  { stream, events }: Batch,
  { commandId, expected }: AppendOptions,
): readonly Change[] {
  if (commandId === undefined) return [];
  const fromVersion = expected === "new" ? 0 : expected;
  // Where the events come to stand is not known beforehand unless it is expected.
  const span = typeof fromVersion === "number" ? ([fromVersion, fromVersion + events.length] as const) : undefined;
  return [appendRecord(context, commandCell(context.log, [stream], commandId), span && { stream, span })];
}

function pendingOf({ stream, events }: Batch, base: number, { meta }: AppendOptions): readonly PendingEvent[] {
  return events.map((event, index) => ({ ...event, stream, version: base + index + 1, meta }));
}

/** Whether a stream at this version is what the caller expects, although it is not what the append was prepared for. */
function allows(expected: ExpectedVersion, actual: number): boolean {
  return expected === "any" || (expected === "existing" && actual > 0);
}

async function headOf(context: StoreContext, stream: string): Promise<number> {
  const rows = context.engine.scan({ kind: "streams", log: context.log, prefix: stream, limit: 1 });
  for await (const row of rows) if (row.stream === stream) return row.version;
  return 0;
}
