import { invariant } from "../../errors/mod.ts";
import type { Append, Change, Put, Seen, Settle } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import { applyEnqueue } from "./apply-enqueue.ts";
import { type Applying, moveByIds } from "./apply-ids.ts";
import { heldEntry } from "./judge.ts";

/** Phase 2 of a commit: carries out one change that was judged to pass. */
export function applyChange(change: Change, applying: Applying): Outcome {
  switch (change.op) {
    case "enqueue":
      return applyEnqueue(change, applying);
    case "settle":
      return applySettle(change, applying);
    case "append":
      return applyAppend(change, applying);
    case "put":
      return applyPut(change, applying);
    case "seen":
      return applySeen(change, applying);
    case "wake":
    case "redrive":
    case "discard":
      return moveByIds(change, applying);
    case "flow":
      applying.state.queue(change.queue).flow = change.to;
      if (change.to === "open") applying.topics.add(`queue:${change.queue}`);
      return { op: "flow" };
    case "hold":
    case "check":
      return { op: change.op };
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

function applySettle({ receipt, as }: Settle, { state, nowMs, topics }: Applying): Outcome {
  const entry = heldEntry(state, receipt);
  invariant(entry !== undefined, "a settlement that passed its judgement has a running message");
  const queue = state.queue(receipt.queue);
  // Others wait for what comes back, now or later, and for what the key lets in; a plain ack concerns nobody.
  if (as.kind !== "ack" || entry.key !== undefined) topics.add(`queue:${receipt.queue}`);
  switch (as.kind) {
    case "ack":
      queue.remove(entry, nowMs);
      break;
    case "dead":
      queue.remember(entry, as.failure);
      queue.toDead(entry, as.reason, nowMs);
      break;
    case "release":
      entry.attempt--;
      queue.toOldPlace(entry);
      break;
    case "retry":
      queue.remember(entry, as.failure);
      if (as.delayMs === 0 || entry.isWoken) queue.toReady(entry);
      else queue.toDelayed(entry, nowMs + as.delayMs);
      break;
    case "park":
      entry.attempt--;
      entry.crashes = 0;
      if (as.delayMs === 0 || entry.isWoken) queue.toReady(entry);
      else queue.toDelayed(entry, as.delayMs === undefined ? undefined : nowMs + as.delayMs);
      break;
    default:
      throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
  }
  return { op: "settle" };
}

function applyAppend(change: Append, { state, nowMs, topics }: Applying): Outcome {
  const log = state.log(change.log);
  log.append(change.stream, change.events, nowMs);
  topics.add(`log:${change.log}`);
  return { op: "append", version: log.version(change.stream), position: log.head };
}

function applyPut({ cell, value, expiresInMs }: Put, { state, nowMs, topics }: Applying): Outcome {
  const { cells, names } = state.space(cell.space);
  const version = state.nextRevision();
  topics.add(`cells:${cell.space}`);
  if (value === undefined) cells.delete(cell.key);
  else {
    const expiresAtMs = expiresInMs === undefined ? undefined : nowMs + expiresInMs;
    if (!cells.has(cell.key)) names.add(cell.key);
    cells.set(cell.key, { space: cell.space, key: cell.key, value, version, expiresAtMs }, expiresAtMs);
  }
  return { op: "put", version };
}

function applySeen({ consumer, id, keepMs }: Seen, { state, nowMs }: Applying): Outcome {
  state.inbox(consumer).set(id, true, nowMs + keepMs);
  return { op: "seen" };
}
