import type { ClaimRequest, ClaimResult } from "../engine.ts";
import { crashesDefault } from "../limits.ts";
import type { Claim, Receipt } from "../message.ts";
import { messageNumber } from "../validate-request.ts";
import { bury, toOldPlace } from "./apply-settle.ts";
import type { QueueHead } from "./heads.ts";
import { delayed, ready, running, suspect } from "./schema.ts";
import { readFailures, type MessageRow, type Work } from "./work.ts";

// A claim moves at most so many due messages, about 10 ms of work; the rest follow at the next one, which `nextDueAtMs` asks for at once.
const dueAtOnceMax = 2000;

/** In the order of the claim statements; an array costs half of an object on this path. */
type ClaimedRow = readonly [
  id: number,
  lane: number,
  seq: number,
  token: number,
  attempt: number,
  crashes: number,
  enqueuedAtMs: number,
  key: string | null,
  failures: string | null,
  headers: string | null,
  body: string,
];

/** Hands out messages under a lease, after maturing delayed ones and rescuing those whose lease is over. */
export function claimMessages(work: Work, request: ClaimRequest): ClaimResult {
  const queue = work.heads.findQueue(request.queue);
  if (queue === undefined) return { claims: [], nextDueAtMs: undefined };
  work.messages.flush();
  const nextMatureMs = settleDue(work, queue, { state: delayed, move: () => mature(work, queue) });
  const delayedBefore = queue.counts[delayed];
  const crashesMax = request.crashesMax ?? crashesDefault;
  const firstLeaseMs = settleDue(work, queue, { state: running, move: () => rescue(work, queue, crashesMax) });
  // A rescue that buries a message may let in another of its key, whose delay still runs.
  const firstDelayedMs = queue.counts[delayed] === delayedBefore ? nextMatureMs : firstDue(work, queue, delayed);
  const rows = queue.isPaused ? [] : takeRows(work, queue, request);
  const leaseUntilMs = work.nowMs + request.leaseMs;
  const claims = rows.map((row) => claimOf(request.queue, row, leaseUntilMs));
  return { claims, nextDueAtMs: earliest(firstDelayedMs, firstLeaseMs, claims.length > 0 ? leaseUntilMs : undefined) };
}

/** Prolongs the leases whose receipts are current. */
export function extendLeases(work: Work, receipts: readonly Receipt[], leaseMs: number): readonly boolean[] {
  const leaseUntilMs = work.nowMs + leaseMs;
  work.messages.flush();
  return receipts.map(({ queue: name, id, token }) => {
    const queue = work.heads.findQueue(name);
    const number = messageNumber(id);
    if (queue === undefined || number === undefined) return false;
    return Number(work.sql.extend.run(leaseUntilMs, number, queue.id, token).changes) === 1;
  });
}

interface DueState {
  readonly state: typeof delayed | typeof running;
  readonly move: () => void;
}

/** Moves what is due in a state; answers when the next message of that state is. */
function settleDue(work: Work, queue: QueueHead, { state, move }: DueState): number | undefined {
  if ((queue.counts[state] ?? 0) === 0) return undefined;
  const firstMs = firstDue(work, queue, state);
  if (firstMs === undefined || firstMs > work.nowMs) return firstMs;
  move();
  work.topics.addQueue(queue.name);
  return firstDue(work, queue, state);
}

function firstDue({ sql }: Work, queue: QueueHead, state: DueState["state"]): number | undefined {
  const row = (state === delayed ? sql.firstDelayed : sql.firstRunning).get(queue.id) as { due: number } | undefined;
  return row?.due;
}

function mature({ sql, heads, nowMs }: Work, queue: QueueHead): void {
  for (const { id } of sql.matured.all(queue.id, nowMs, dueAtOnceMax) as unknown as readonly { id: number }[]) {
    sql.mature.run(heads.nextSeq(), id);
    heads.count(queue, delayed, ready);
  }
}

/** Leases that are over: their holders died, or were too slow and will be refused. */
function rescue(work: Work, queue: QueueHead, crashesMax: number): void {
  const { sql, nowMs } = work;
  for (const message of sql.lapsed.all(queue.id, nowMs, dueAtOnceMax) as unknown as readonly MessageRow[]) {
    const crashes = message.crashes + 1;
    const attempt = message.attempt - 1;
    if (crashes < crashesMax) toOldPlace(work, { queue, message }, crashes);
    else bury(work, { queue, message }, { reason: "crashed", failure: undefined, crashes, attempt });
  }
}

/** Suspects first, so that they cannot starve, but handed out in the common order. */
function takeRows(work: Work, queue: QueueHead, request: ClaimRequest): readonly ClaimedRow[] {
  const { count, suspects = count, leaseMs } = request;
  const { sql, heads, held, instance } = work;
  const leaseUntilMs = work.nowMs + leaseMs;
  const rows: ClaimedRow[] = [];
  const take = (state: number, limit: number): void => {
    if (limit <= 0 || (queue.counts[state] ?? 0) === 0) return;
    const statement = state === suspect ? sql.claimSuspects : sql.claimReady;
    const taken = statement.all(leaseUntilMs, instance, queue.id, limit) as unknown as readonly ClaimedRow[];
    for (const row of taken) {
      const [id, , , token, , , , key] = row;
      rows.push(row);
      held.remember(id, { queue: queue.id, token, key });
      heads.count(queue, state, running);
    }
  };
  take(suspect, Math.min(suspects, count));
  take(ready, count - rows.length);
  return rows.toSorted(([, leftLane, leftSeq], [, rightLane, rightSeq]) => leftLane - rightLane || leftSeq - rightSeq);
}

function claimOf(queue: string, row: ClaimedRow, leaseUntilMs: number): Claim {
  const [id, lane, , token, attempt, crashes, enqueuedAtMs, key, failures, headers, body] = row;
  return {
    receipt: { queue, id: String(id), token },
    body,
    headers: headers === null ? undefined : (JSON.parse(headers) as Record<string, string>),
    key: key ?? undefined,
    lane,
    attempt,
    crashes,
    enqueuedAtMs,
    leaseUntilMs,
    failures: readFailures(failures),
  };
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
