import assert from "node:assert/strict";
import type {
  Change,
  Claim,
  ClaimRequest,
  CommitResult,
  Committer,
  Enqueue,
  Engine,
  MessageState,
  NewMessage,
  Outcome,
  QueueStatus,
  Receipt,
  Refusal,
  Settlement,
  StoredMessage,
} from "../mod.ts";

/** The queue, log and lease of rules to which they do not matter. */
export const queue = "jobs";
export const log = "ledger";
export const leaseMs = 1000;

/** The outcomes of a commit that must pass. */
export async function committed(committer: Committer, ...changes: readonly Change[]): Promise<readonly Outcome[]> {
  const result = await committer.commit(changes);
  if (!result.committed) assert.fail(`refused at change ${result.index}: ${JSON.stringify(result.refusal)}`);
  assert.equal(result.outcomes.length, changes.length, "one outcome a change");
  assert.deepEqual(
    result.outcomes.map((outcome) => outcome.op),
    changes.map((change) => change.op),
    "outcomes at the index of their change",
  );
  return result.outcomes;
}

/** The refusal of a commit that must not pass. */
export async function refused(
  committer: Committer,
  ...changes: readonly Change[]
): Promise<{ readonly index: number; readonly refusal: Refusal }> {
  const result: CommitResult = await committer.commit(changes);
  if (result.committed) assert.fail(`committed, although it had to be refused: ${JSON.stringify(changes)}`);
  return { index: result.index, refusal: result.refusal };
}

/** Adds messages to {@link queue}; a text stands for a message with that body. Answers their ids. */
export async function add(engine: Engine, ...messages: readonly (string | NewMessage)[]): Promise<readonly string[]> {
  const [outcome] = await committed(engine, enqueue(...messages));
  assert(outcome?.op === "enqueue");
  return outcome.messages.map((message) => message.id);
}

export function enqueue(...messages: readonly (string | NewMessage)[]): Enqueue {
  return { op: "enqueue", queue, messages: messages.map((message) => toMessage(message)) };
}

function toMessage(message: string | NewMessage): NewMessage {
  return typeof message === "string" ? { body: message } : message;
}

/** Claims from {@link queue}. */
export async function take(engine: Engine, count = 1, options: Partial<ClaimRequest> = {}): Promise<readonly Claim[]> {
  const { claims } = await engine.claim({ queue, count, leaseMs, ...options });
  assert(claims.length <= count, "a claim hands out at most what was asked for");
  return claims;
}

/** Claims one message that must be there. */
export async function takeOne(engine: Engine, options: Partial<ClaimRequest> = {}): Promise<Claim> {
  const [claim] = await take(engine, 1, options);
  assert(claim !== undefined, "a message is claimable");
  return claim;
}

export function bodies(claims: readonly { readonly body: string }[]): readonly string[] {
  return claims.map((claim) => claim.body);
}

export async function settle(engine: Engine, receipt: Receipt, as: Settlement): Promise<void> {
  await committed(engine, { op: "settle", receipt, as });
}

export const ack: Settlement = { kind: "ack" };

export async function acknowledge(engine: Engine, claims: readonly Claim[]): Promise<void> {
  await Promise.all(claims.map(({ receipt }) => settle(engine, receipt, ack)));
}

export async function statusOf(engine: Engine, name: string = queue): Promise<QueueStatus> {
  const [status] = await Array.fromAsync(engine.scan({ kind: "queues", queue: name }));
  assert(status !== undefined, `queue ${name} is known`);
  return status;
}

export async function storedIn(engine: Engine, state?: MessageState): Promise<readonly StoredMessage[]> {
  return Array.fromAsync(engine.scan({ kind: "messages", queue, state, limit: 100_000 }));
}

export async function storedOne(engine: Engine, id: string): Promise<StoredMessage> {
  const found = (await storedIn(engine)).find((message) => message.id === id);
  assert(found !== undefined, `message ${id} is stored`);
  return found;
}

/** How many messages a wake, redrive or discard moved. */
export async function moved(
  engine: Engine,
  op: "wake" | "redrive" | "discard",
  ids: readonly string[],
): Promise<number> {
  const [outcome] = await committed(engine, { op, queue, ids });
  assert(outcome !== undefined && "count" in outcome);
  return outcome.count;
}

/** Makes one message dead. */
export async function kill(engine: Engine, receipt: Receipt, reason = "no use"): Promise<void> {
  await settle(engine, receipt, { kind: "dead", reason });
}

/** One event of a type that carries its text. */
export function append(
  stream: string,
  data: string,
  options: { expected?: number | "new" | "existing" | "any" } = {},
): Change {
  return { op: "append", log, stream, expected: options.expected ?? "any", events: [{ type: "Noted", data }] };
}

/** The error with which a call rejects; its class is told by `code`, so that engines of another copy of the kit pass too. */
export async function rejection(work: () => Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  try {
    await work();
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  return assert.fail("the call had to reject");
}
