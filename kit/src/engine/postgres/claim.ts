import { bound, type WireRow } from "../../drivers/postgres/mod.ts";
import type { ClaimRequest, ClaimResult } from "../engine.ts";
import { crashesDefault } from "../limits.ts";
import type { Claim } from "../message.ts";
import { bury, toOldPlace, toReady } from "./apply-settle.ts";
import { flush } from "./flush.ts";
import { drawNumbers, loadMoreKeys, type Loading } from "./load.ts";
import type { Plan, PlannedKey } from "./plan.ts";
import { delayed, running } from "./schema.ts";
import type { Script } from "./script.ts";
import { given } from "./text.ts";
import { keyName, type MessageRow, readFailures, type Work } from "./work.ts";

// A claim moves at most so many due messages, about 20 ms of work; the rest follow at the next one, which `nextDueAtMs` asks for at once.
const dueAtOnceMax = 2000;

/** What is due in the queues that are claimed from, locked; other claimants leave it alone. */
export interface DueMessages {
  readonly matured: MessageRow[];
  readonly lapsed: MessageRow[];
}

/** Adds what locks and reads the messages that are due in the claimed queues. */
export function loadDue(loading: Loading, plan: Plan): ReadonlyMap<string, DueMessages> {
  const { sql, work, script } = loading;
  const due = new Map<string, DueMessages>();
  for (const name of plan.claimed.keys()) {
    const queue = work.queues.get(name);
    if (queue === undefined) continue;
    const found: DueMessages = { matured: [], lapsed: [] };
    due.set(name, found);
    for (const [statement, rows] of [
      [sql.matured, found.matured],
      [sql.lapsed, found.lapsed],
    ] as const) {
      const values = [String(queue.id), String(work.nowMs), String(dueAtOnceMax)];
      script.add(bound(statement, ...values), (answer) => {
        for (const row of answer.rows) rows.push(work.keep(row, queue));
      });
    }
  }
  return due;
}

/** Adds what the due messages need beyond the plan: places in their lane, and the keys of those that die. */
export function loadForDue(loading: Loading, due: ReadonlyMap<string, DueMessages>, plan: Plan): void {
  const keys = new Map<string, PlannedKey>();
  let numbers = 0;
  for (const [name, { matured, lapsed }] of due) {
    numbers += matured.length;
    const crashesMax = plan.claimed.get(name) ?? crashesDefault;
    for (const { key, crashes, queue } of lapsed) {
      if (key === undefined || crashes + 1 < crashesMax) continue;
      const place = keyName(queue.id, key);
      const planned = keys.get(place);
      if (planned !== undefined) planned.most += 1;
      else if (!loading.work.keys.has(place)) keys.set(place, { queue: queue.id, key, most: 1 });
    }
  }
  if (numbers > 0) drawNumbers(loading, numbers);
  if (keys.size > 0) loadMoreKeys(loading, keys);
}

/** Matures and rescues what is due in the queue of the request. */
export function moveDue(work: Work, request: ClaimRequest, due: DueMessages | undefined): void {
  if (due === undefined) return;
  const matured = due.matured.splice(0).filter((row) => isDue(work, row, delayed));
  const lapsed = due.lapsed.splice(0).filter((row) => isDue(work, row, running));
  if (matured.length + lapsed.length > 0) work.topics.addQueue(request.queue);
  for (const row of matured) toReady(work, row);
  for (const row of lapsed) rescue(work, row, request.crashesMax ?? crashesDefault);
}

/** An earlier list of the same transaction may have moved it. */
function isDue(work: Work, row: MessageRow, state: number): boolean {
  return row.state === state && row.change !== "gone" && row.due !== null && row.due <= work.nowMs;
}

/** Its holder died, or was too slow and will be refused. */
function rescue(work: Work, row: MessageRow, crashesMax: number): void {
  const crashes = row.crashes + 1;
  if (crashes < crashesMax) return toOldPlace(work, row, crashes);
  row.attempt -= 1;
  row.crashes = crashes;
  bury(work, row, "crashed");
}

/** What a claim needs to be sent. */
export interface Claiming {
  readonly loading: Loading;
  readonly shard: number;
  /** Told of each message that is handed out. */
  readonly handedOut: (id: number, queue: number, key: string | null) => void;
}

/** Adds what writes all that was changed before, hands out messages, and says when to look again. */
export function addClaim(claiming: Claiming, request: ClaimRequest, answered: (result: ClaimResult) => void): void {
  const { sql, work, script } = claiming.loading;
  const queue = work.queues.get(request.queue);
  if (queue === undefined) return answered({ claims: [], nextDueAtMs: undefined });
  flush({ sql, work, script, shard: claiming.shard });
  const leaseUntilMs = work.nowMs + request.leaseMs;
  let claims: readonly Claim[] = [];
  if (!queue.isPaused) {
    const { count, suspects = count } = request;
    const asked = [count, Math.min(suspects, count), leaseUntilMs, claiming.shard].map(String);
    script.add(bound(sql.claim, String(queue.id), ...asked), ({ rows }) => {
      const rowsInOrder = rows.toSorted(byLaneThenSeq);
      claims = rowsInOrder.map((row) => claimOf(request.queue, row, leaseUntilMs));
      for (const row of rows) {
        claiming.handedOut(Number(row[0]), queue.id, row[7] ?? null);
        refresh(work, row, leaseUntilMs);
      }
    });
  }
  addNextDue(script, { sql, queue: queue.id }, (nextDueAtMs) => answered({ claims, nextDueAtMs }));
}

function addNextDue(
  script: Script,
  { sql, queue }: { readonly sql: Loading["sql"]; readonly queue: number },
  found: (nextDueAtMs: number | undefined) => void,
): void {
  script.add(bound(sql.nextDue, String(queue)), ({ rows }) => {
    const due = (rows[0] ?? []).flatMap((text) => (text === null ? [] : Number(text)));
    found(due.length === 0 ? undefined : Math.min(...due));
  });
}

/** A message that a list of the same transaction names was handed out by it. */
function refresh(work: Work, [id, , , token, attempt]: WireRow, leaseUntilMs: number): void {
  const row = work.messages.get(Number(id));
  if (row === undefined) return;
  Object.assign(row, {
    state: running,
    token: Number(token),
    attempt: Number(attempt),
    due: leaseUntilMs,
    woken: false,
  });
}

function byLaneThenSeq(left: WireRow, right: WireRow): number {
  return Number(left[1]) - Number(right[1]) || Number(left[2]) - Number(right[2]);
}

/** Columns in the order of the claim statement. */
function claimOf(queue: string, row: WireRow, leaseUntilMs: number): Claim {
  const [id, lane, , token, attempt, crashes, enqueuedAtMs, key, failures, headers, body] = row;
  return {
    receipt: { queue, id: id ?? "", token: Number(token) },
    body: given(body ?? ""),
    headers: typeof headers === "string" ? (JSON.parse(headers) as Record<string, string>) : undefined,
    key: typeof key === "string" ? given(key) : undefined,
    lane: Number(lane),
    attempt: Number(attempt),
    crashes: Number(crashes),
    enqueuedAtMs: Number(enqueuedAtMs),
    leaseUntilMs,
    failures: readFailures(failures ?? null),
  };
}
