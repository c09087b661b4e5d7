import { bigints, booleans, bound, integers, texts, type Bound } from "../../drivers/postgres/mod.ts";
import { hash32 } from "../../codec/mod.ts";
import { type Known, type Plan, type PlannedKey, plannedKeys, type Slots, slotOf } from "./plan.ts";
import { type Script } from "./script.ts";
import { waiting } from "./schema.ts";
import type { Statements } from "./statements.sql.ts";
import { given, kept } from "./text.ts";
import { keyName, type KeyState, pairName, type QueueState, type Work } from "./work.ts";

/** What loading needs beside the plan. */
export interface Loading {
  readonly sql: Statements;
  readonly known: Known;
  readonly work: Work;
  readonly script: Script;
  readonly schema: string;
}

// A transaction that names more takes the lock on all names instead: the server's table of locks has some thousand places in all.
const slotsMax = 128;
// No name's place, see `slotOf`.
const allNames = 0;

/**
 * Adds what locks and reads all that the plan names. Locks come first and always in the same order (names by place, logs and messages by number),
 * so that transactions do not wait for one another in a circle; every read is a statement behind them, and so sees what others have committed.
 */
export function loadPlan(loading: Loading, plan: Plan): void {
  const keys = plannedKeys(plan, loading.known);
  for (const name of [...plan.madeQueues, ...plan.askedQueues]) queueState(loading, name);
  lockSlots(loading, slotsOf(loading, plan, keys));
  lockLogs(loading, plan);
  lockMessages(loading, plan);
  if (plan.numbers > 0) drawNumbers(loading, plan.numbers);
  readQueues(loading, plan);
  loadKeys(loading, keys);
  readVersions(loading, plan);
  readCells(loading, plan);
  readSeen(loading, plan);
  readDedups(loading, plan);
}

/** Adds what draws so many numbers. */
export function drawNumbers({ sql, work, script }: Loading, count: number): void {
  script.add(bound(sql.numbers, String(count)), ({ rows }) => work.addNumbers(rows[0]?.[0]));
}

/** Adds what locks the names of keys that were found too late, and reads them. */
export function loadMoreKeys(loading: Loading, keys: ReadonlyMap<string, PlannedKey>): void {
  const slots: Slots = new Map();
  for (const name of keys.keys()) slots.set(slotOf("key", name), "exclusive");
  lockSlots(loading, slots);
  loadKeys(loading, keys);
}

/** The state of a queue that is known, made at its first use. */
export function queueState({ known, work }: Loading, name: string): QueueState | undefined {
  const made = work.queues.get(name);
  if (made !== undefined) return made;
  const id = known.queueId(name);
  if (id === undefined) return undefined;
  const moved = [0, 0, 0, 0, 0, 0];
  const none = { isKnown: true, isPaused: false, isFlowChanged: false, isChanged: false, depth: 0 };
  const queue: QueueState = { id, name, ...none, moved };
  work.queues.set(name, queue);
  return queue;
}

function slotsOf({ known }: Loading, plan: Plan, keys: ReadonlyMap<string, PlannedKey>): Slots {
  const slots: Slots = new Map();
  for (const [name, { isWritten }] of plan.cells) {
    const slot = slotOf("cell", name);
    if (isWritten || !slots.has(slot)) slots.set(slot, isWritten ? "exclusive" : "shared");
  }
  for (const name of plan.seen.keys()) slots.set(slotOf("seen", name), "exclusive");
  for (const name of keys.keys()) slots.set(slotOf("key", name), "exclusive");
  for (const { queue, depthMax, messages } of plan.enqueues) {
    const id = known.queueId(queue) ?? 0;
    if (depthMax !== undefined) slots.set(slotOf("depth", String(id)), "exclusive");
    for (const { dedup } of messages)
      if (dedup !== undefined) slots.set(slotOf("dedup", keyName(id, dedup.key)), "exclusive");
  }
  return slots;
}

/** Adds what locks names: each for itself, or all when they are many. */
export function lockSlots({ sql, script, schema }: Loading, slots: Slots): void {
  if (slots.size === 0) return;
  const place = String(hash32(`ashlar ${schema}`) | 0);
  if (slots.size > slotsMax) return script.add(bound(sql.lockAll, place));
  const sorted = [...slots.keys()].toSorted((left, right) => left - right);
  // First shared on all names, for those who lock all.
  const places = [allNames, ...sorted];
  const isExclusive = booleans(places.map((slot) => slots.get(slot) === "exclusive"));
  script.add(bound(sql.lockNames, place, integers(places), isExclusive));
}

function lockLogs({ sql, known, work, script }: Loading, plan: Plan): void {
  if (plan.madeLogs.size === 0) return;
  const names = new Map<string, string>();
  for (const name of plan.madeLogs) names.set(String(known.logId(name)), name);
  script.add(bound(sql.lockLogs, integers([...names.keys()].map(Number))), ({ rows }) => {
    for (const [id, head, recordedAtMs] of rows) {
      const name = names.get(id ?? "") ?? "";
      const state = { id: Number(id), name, head: Number(head), recordedAtMs: Number(recordedAtMs), isChanged: false };
      work.logs.set(name, { ...state, versions: new Map() });
    }
  });
}

function lockMessages({ sql, work, script }: Loading, plan: Plan): void {
  if (plan.ids.size === 0) return;
  const byId = queuesById(work);
  script.add(bound(sql.lockMessages, bigints([...plan.ids])), ({ rows }) => {
    for (const row of rows) {
      const queue = byId.get(Number(row[1]));
      if (queue !== undefined) work.keep(row, queue);
    }
  });
}

function queuesById(work: Work): ReadonlyMap<number, QueueState> {
  return new Map([...work.queues.values()].map((queue) => [queue.id, queue]));
}

function readQueues({ sql, work, script }: Loading, plan: Plan): void {
  if (work.queues.size === 0) return;
  const byId = queuesById(work);
  script.add(bound(sql.queues, integers([...byId.keys()])), ({ rows }) => {
    for (const [id, isKnown, isPaused] of rows) {
      const queue = byId.get(Number(id));
      if (queue === undefined) continue;
      queue.isKnown = isKnown === "t";
      queue.isPaused = isPaused === "t";
    }
  });
  const limited = plan.enqueues.flatMap(({ queue, depthMax }) => (depthMax === undefined ? [] : work.queue(queue).id));
  if (limited.length === 0) return;
  script.add(bound(sql.depths, integers(limited)), ({ rows }) => {
    for (const [id, depth] of rows) {
      const queue = byId.get(Number(id));
      if (queue !== undefined) queue.depth = Number(depth);
    }
  });
}

function loadKeys({ sql, work, script }: Loading, keys: ReadonlyMap<string, PlannedKey>): void {
  if (keys.size === 0) return;
  const byId = queuesById(work);
  const planned = [...keys.values()];
  const names: readonly [Buffer, Buffer] = [
    integers(planned.map(({ queue }) => queue)),
    texts(planned.map(({ key }) => kept(key))),
  ];
  script.add(bound(sql.keys, ...names), ({ rows }) => {
    for (const [queueId, storedKey, concurrency, admitted] of rows) {
      const queue = byId.get(Number(queueId));
      if (queue === undefined) continue;
      const key = given(storedKey ?? "");
      const kept = typeof concurrency === "string" ? { concurrency: Number(concurrency), isKept: true } : notKept;
      const state = { queue, key, ...kept, isChanged: false, admitted: Number(admitted), waiting: [], holdsAll: true };
      work.keys.set(keyName(queue.id, key), state);
    }
  });
  script.add(bound(sql.waiting, ...names, integers(planned.map(({ most }) => most))), ({ rows }) => {
    for (const row of rows) {
      const queue = byId.get(Number(row[1]));
      if (queue === undefined) continue;
      const message = work.keep(row, queue);
      if (message.state === waiting) work.keys.get(keyName(queue.id, message.key ?? ""))?.waiting.push(message);
    }
    // With as many as were asked for there may be more; those that come now stand behind them.
    for (const [name, { most }] of keys) {
      const state = work.keys.get(name);
      if (state !== undefined && state.waiting.length >= most) work.keys.set(name, { ...state, holdsAll: false });
    }
  });
}

const notKept: Pick<KeyState, "concurrency" | "isKept"> = { concurrency: 1, isKept: false };

function readVersions({ sql, known, work, script }: Loading, plan: Plan): void {
  if (plan.streams.size === 0) return;
  const streams = [...plan.streams.values()];
  const statement: Bound = bound(
    sql.versions,
    integers(streams.map(({ log }) => known.logId(log) ?? 0)),
    texts(streams.map(({ stream }) => kept(stream))),
  );
  script.add(statement, ({ rows }) => {
    for (const [n, version] of rows) {
      const at = streams[Number(n) - 1];
      if (at !== undefined && typeof version === "string")
        work.logs.get(at.log)?.versions.set(at.stream, Number(version));
    }
  });
}

function readCells({ sql, work, script }: Loading, plan: Plan): void {
  if (plan.cells.size === 0) return;
  const cells = [...plan.cells.values()];
  for (const { space, key } of cells)
    work.cells.set(pairName(space, key), { space, key, version: undefined, write: undefined });
  const statement = bound(
    sql.cells,
    texts(cells.map(({ space }) => kept(space))),
    texts(cells.map(({ key }) => kept(key))),
    String(work.nowMs),
  );
  script.add(statement, ({ rows }) => {
    for (const [n, version] of rows) {
      const at = cells[Number(n) - 1];
      const state = at === undefined ? undefined : work.cells.get(pairName(at.space, at.key));
      if (state !== undefined) state.version = Number(version);
    }
  });
}

function readSeen({ sql, work, script }: Loading, plan: Plan): void {
  if (plan.seen.size === 0) return;
  const entries = [...plan.seen.values()].map(({ consumer, id }) => ({
    consumer,
    id,
    isSeen: false,
    expiresAtMs: undefined,
  }));
  for (const entry of entries) work.seen.set(pairName(entry.consumer, entry.id), entry);
  const statement = bound(
    sql.seen,
    texts(entries.map(({ consumer }) => kept(consumer))),
    texts(entries.map(({ id }) => kept(id))),
    String(work.nowMs),
  );
  script.add(statement, ({ rows }) => {
    for (const [n] of rows) {
      const entry = entries[Number(n) - 1];
      if (entry !== undefined) entry.isSeen = true;
    }
  });
}

function readDedups({ sql, work, script }: Loading, plan: Plan): void {
  for (const { queue: name, messages } of plan.enqueues) {
    const queue = work.queue(name);
    for (const { dedup } of messages) {
      if (dedup === undefined) continue;
      const state = { queue, key: dedup.key, message: undefined, expiresAtMs: undefined };
      work.dedups.set(keyName(queue.id, dedup.key), state);
    }
  }
  if (work.dedups.size === 0) return;
  const states = [...work.dedups.values()];
  const statement = bound(
    sql.dedups,
    integers(states.map(({ queue }) => queue.id)),
    texts(states.map(({ key }) => kept(key))),
    String(work.nowMs),
  );
  script.add(statement, ({ rows }) => {
    for (const [n, message] of rows) {
      const state = states[Number(n) - 1];
      if (state !== undefined) state.message = Number(message);
    }
  });
}
