import type { RedisReply } from "../../drivers/redis/mod.ts";
import type { Change, Enqueue } from "../change.ts";
import type { CommitResult, EnqueuedMessage, Outcome, Refusal } from "../commit-result.ts";
import type { ClaimRequest, ClaimResult } from "../engine.ts";
import { StorageError } from "../errors.ts";
import type { Claim } from "../message.ts";
import type { Topics } from "../topics.ts";
import type { Call } from "./calls.ts";
import { listOf } from "./dataset.ts";
import { readContent } from "./encode.ts";

/** Reads the answer of a call, and notes what it has touched. */
export function readAnswer(
  call: Call,
  reply: RedisReply | undefined,
  place: { readonly nowMs: number; readonly topics: Topics },
): void {
  const list = listOf(reply);
  switch (call.kind) {
    case "commit":
      call.answer = readCommit(call.changes, list, place.topics);
      return;
    case "claim":
      call.answer = readClaim(call.request, list, place.nowMs);
      if (list[1] === 1) place.topics.addQueue(call.request.queue);
      return;
    case "extend":
      call.answer = list.map((answer) => answer === 1);
      return;
    default:
      throw new Error(`unknown call ${JSON.stringify(call satisfies never)}`);
  }
}

function readCommit(
  changes: readonly Change[],
  [passed, ...rest]: readonly RedisReply[],
  topics: Topics,
): CommitResult | StorageError {
  if (passed === -1)
    return new StorageError("full", "the server has reached its maxmemory; raise it, or let workers empty the queues");
  if (passed === 0) {
    const index = Number(rest[0]);
    const change = changes[index];
    if (change === undefined) throw new Error("a refusal names a change of its list");
    return { committed: false, index, refusal: refusalOf(change, Number(rest[1])) };
  }
  return { committed: true, outcomes: changes.map((change, index) => outcomeOf(change, rest[index], topics)) };
}

function refusalOf(change: Change, actual: number): Refusal {
  switch (change.op) {
    case "settle":
    case "hold":
      return { kind: "lease-lost", receipt: change.receipt };
    case "put":
    case "check": {
      const { cell, expect } = change;
      return { kind: "cell-conflict", cell, expected: expect, actual: actual === -1 ? undefined : actual };
    }
    case "seen":
      return { kind: "already-seen", consumer: change.consumer, id: change.id };
    case "enqueue":
      return { kind: "queue-full", queue: change.queue, depth: actual, depthMax: change.depthMax ?? 0 };
    default:
      throw new Error(`a ${change.op} is never refused`);
  }
}

function outcomeOf(change: Change, reply: RedisReply | undefined, topics: Topics): Outcome {
  switch (change.op) {
    case "enqueue":
      return enqueued(change, listOf(reply), topics);
    case "settle":
      if (reply === 1) topics.addQueue(change.receipt.queue);
      return { op: "settle" };
    case "put":
      topics.addSpace(change.cell.space);
      return { op: "put", version: Number(reply) };
    case "wake":
    case "redrive":
    case "discard":
      if (reply !== 0) topics.addQueue(change.queue);
      return { op: change.op, count: Number(reply) };
    case "flow":
      if (change.to === "open") topics.addQueue(change.queue);
      return { op: "flow" };
    case "hold":
    case "check":
    case "seen":
      return { op: change.op };
    case "append":
      throw new Error("the engine keeps no events");
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

/** Of each message: its id, negative when it was there already, or id and token when it was handed out at once. */
function enqueued({ queue }: Enqueue, [rings, ...answers]: readonly RedisReply[], topics: Topics): Outcome {
  if (rings === 1) topics.addQueue(queue);
  const messages = answers.map((answer): EnqueuedMessage => {
    if (typeof answer === "number")
      return answer < 0 ? { id: String(-answer), status: "existing" } : { id: String(answer), status: "added" };
    const [number, token] = listOf(answer);
    const id = String(number);
    return { id, status: "added", receipt: { queue, id, token: Number(token) } };
  });
  return { op: "enqueue", messages };
}

function readClaim({ queue, leaseMs }: ClaimRequest, list: readonly RedisReply[], nowMs: number): ClaimResult {
  const [due, , ...rows] = list;
  const claims = rows.map((row) => claimOf(queue, listOf(row), nowMs + leaseMs));
  return { claims, nextDueAtMs: due === -1 ? undefined : Number(due) };
}

function claimOf(queue: string, row: readonly RedisReply[], leaseUntilMs: number): Claim {
  const [id, token, attempt, crashes, lane, key, content, failures] = row;
  return {
    receipt: { queue, id: String(id), token: Number(token) },
    ...readContent(String(content)),
    key: key === "" ? undefined : String(key),
    lane: Number(lane),
    attempt: Number(attempt),
    crashes: Number(crashes),
    leaseUntilMs,
    failures: listOf(failures).map(String),
  };
}
