import { type Append, type Change, type CommitResult, RefusedError } from "../engine/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { commandCell } from "./command-record.ts";
import { commitPlan } from "./commit-plan.ts";
import type { DomainEvent } from "./domain-event.ts";
import { ConflictError } from "./errors.ts";
import { encodeBatches, metaText } from "./encode-events.ts";
import type { Batch } from "./event-batch.ts";
import type { Appended, AppendOptions } from "./event-store.ts";
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

/** Prepares anew while a cell that belongs to the preparation (a subject's key, an inline view) was changed by another. */
async function appendUntilSettled(context: StoreContext, batch: Batch, options: AppendOptions): Promise<Appended> {
  for (let attempt = 1; ; attempt++) {
    const encoding = encodeBatches(context, [batch], metaText(options.meta, options.commandId));
    const encoded = encoding instanceof Promise ? await encoding : encoding;
    const { stream } = batch;
    const append: Append = {
      op: "append",
      log: context.log,
      stream,
      expected: options.expected,
      events: encoded.events[0] ?? [],
    };
    const changes: Change[] = [...commandGuard(context, stream, options), ...encoded.guards, append];
    const appendIndex = changes.length - 1;
    const isProjected = context.inline.length > 0 || context.sqlInline !== undefined;
    const pending = isProjected ? await pendingOf(context, batch, options) : [];
    for (const project of context.inline) changes.push(...(await project(pending)));
    const ownCount = changes.length;
    changes.push(...(options.also ?? []));
    const result = await commitPlan(context, { changes, pending, in: options.in });
    // Not what the cache believes any more; with a wrong belief the next command would only lose a turn.
    context.cache.drop(stream);
    const isRepeat = !result.committed && result.index === 0 && options.commandId !== undefined;
    const isOwnCell = !result.committed && result.refusal.kind === "cell-conflict" && result.index < ownCount;
    if (!isOwnCell || isRepeat) return answerTo(context, result, { append, appendIndex, options });
    if (attempt >= context.conflictsMax) throw new ConflictError([stream], attempt);
  }
}

interface Asked {
  readonly append: Append;
  readonly appendIndex: number;
  readonly options: AppendOptions;
}

async function answerTo(
  context: StoreContext,
  result: CommitResult,
  { append, appendIndex, options }: Asked,
): Promise<Appended> {
  if (result.committed) {
    const outcome = result.outcomes[appendIndex];
    return { status: "appended", version: outcome?.op === "append" ? outcome.version : 0 };
  }
  const { refusal } = result;
  if (refusal.kind === "version-conflict" && result.index === appendIndex)
    return { status: "conflict", expected: append.expected, actual: refusal.actual };
  if (options.commandId !== undefined && result.index === 0)
    return { status: "repeated", version: await headOf(context, append.stream) };
  throw new RefusedError(refusal);
}

function commandGuard(context: StoreContext, stream: string, { commandId }: AppendOptions): readonly Change[] {
  if (commandId === undefined) return [];
  const cell = commandCell(context.log, [stream], commandId);
  return [{ op: "put", cell, expect: "absent", value: "{}", expiresInMs: context.commandsKeptMs }];
}

async function pendingOf(
  context: StoreContext,
  batch: Batch,
  options: AppendOptions,
): Promise<readonly PendingEvent[]> {
  const { expected, meta } = options;
  const base = typeof expected === "number" ? expected : await headOf(context, batch.stream);
  return batch.events.map((event, index) => ({ ...event, stream: batch.stream, version: base + index + 1, meta }));
}

async function headOf(context: StoreContext, stream: string): Promise<number> {
  const rows = context.engine.scan({ kind: "streams", log: context.log, prefix: stream, limit: 1 });
  for await (const row of rows) if (row.stream === stream) return row.version;
  return 0;
}
