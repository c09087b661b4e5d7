import { bigints, booleans, bound, integers, texts } from "../../drivers/postgres/mod.ts";
import { slotOf as streamSlot } from "../slot.ts";
import type { Script } from "./script.ts";
import type { Statements } from "./statements.sql.ts";
import { kept } from "./text.ts";
import type { MessageRow, QueueState, Work } from "./work.ts";

/** What writing needs. */
export interface Flushing {
  readonly sql: Statements;
  readonly work: Work;
  readonly script: Script;
  /** Which row of each queue's counts is this writer's: those of different writers do not wait for one another. */
  readonly shard: number;
}

/** Adds what writes all that has changed since the last time, each kind in one statement. */
export function flush(flushing: Flushing): void {
  flushMessages(flushing);
  flushEvents(flushing);
  flushCells(flushing);
  flushSeen(flushing);
  flushDedups(flushing);
  flushKeys(flushing);
  flushQueues(flushing);
}

function optional(text: string | null | undefined): string | null {
  return typeof text === "string" ? kept(text) : null;
}

function flushMessages({ sql, work, script }: Flushing): void {
  if (work.touched.size === 0) return;
  const added: MessageRow[] = [];
  const changed: MessageRow[] = [];
  const gone: number[] = [];
  for (const row of work.touched) {
    if (row.change === "gone") {
      gone.push(row.id);
      continue;
    }
    if (row.change === "new") added.push(row);
    if (row.change === "changed" || row.isAmended === true) changed.push(row);
    row.change = "none";
  }
  work.touched.clear();
  if (added.length > 0) script.add(addedMessages(sql, work, added));
  if (changed.length > 0) script.add(changedMessages(sql, changed));
  if (gone.length > 0) script.add(bound(sql.dropMessages, bigints(gone)));
}

function addedMessages(sql: Statements, work: Work, rows: readonly MessageRow[]): ReturnType<typeof bound> {
  return bound(
    sql.addMessages,
    String(work.nowMs),
    bigints(rows.map((row) => row.id)),
    integers(rows.map((row) => row.queue.id)),
    integers(rows.map((row) => row.state)),
    integers(rows.map((row) => row.lane)),
    bigints(rows.map((row) => row.due)),
    bigints(rows.map((row) => row.token)),
    booleans(rows.map((row) => row.admitted)),
    texts(rows.map((row) => optional(row.key))),
    texts(rows.map((row) => row.content?.headers ?? null)),
    texts(rows.map((row) => row.content?.body ?? "")),
  );
}

function changedMessages(sql: Statements, rows: readonly MessageRow[]): ReturnType<typeof bound> {
  return bound(
    sql.changeMessages,
    bigints(rows.map((row) => row.id)),
    integers(rows.map((row) => row.state)),
    bigints(rows.map((row) => row.seq)),
    bigints(rows.map((row) => row.due)),
    bigints(rows.map((row) => row.token)),
    integers(rows.map((row) => row.attempt)),
    integers(rows.map((row) => row.crashes)),
    booleans(rows.map((row) => row.woken)),
    booleans(rows.map((row) => row.admitted)),
    texts(rows.map((row) => row.failures)),
    texts(rows.map((row) => optional(row.reason))),
    bigints(rows.map((row) => row.diedAtMs)),
  );
}

function flushEvents({ sql, work, script }: Flushing): void {
  if (work.events.length === 0) return;
  const rows = work.events.splice(0);
  script.add(
    bound(
      sql.addEvents,
      integers(rows.map((row) => row.log.id)),
      bigints(rows.map((row) => row.position)),
      texts(rows.map((row) => kept(row.stream))),
      bigints(rows.map((row) => row.version)),
      integers(rows.map((row) => streamSlot(row.stream))),
      integers(rows.map((row) => row.event.schema ?? 1)),
      bigints(rows.map((row) => row.recordedAtMs)),
      texts(rows.map((row) => kept(row.event.type))),
      texts(rows.map((row) => optional(row.event.meta))),
      texts(rows.map((row) => kept(row.event.data))),
    ),
  );
  const logs = [...work.logs.values()].filter((log) => log.isChanged);
  for (const log of logs) log.isChanged = false;
  script.add(
    bound(
      sql.saveLogs,
      integers(logs.map((log) => log.id)),
      bigints(logs.map((log) => log.head)),
      bigints(logs.map((log) => log.recordedAtMs)),
    ),
  );
}

function flushCells({ sql, work, script }: Flushing): void {
  const written = [...work.cells.values()].filter((cell) => cell.write !== undefined);
  const saved = written.filter((cell) => cell.write?.value !== undefined);
  const dropped = written.filter((cell) => cell.write?.value === undefined);
  const spaces = (cells: typeof written): Buffer => texts(cells.map(({ space }) => kept(space)));
  const keys = (cells: typeof written): Buffer => texts(cells.map(({ key }) => kept(key)));
  if (saved.length > 0)
    script.add(
      bound(
        sql.saveCells,
        spaces(saved),
        keys(saved),
        bigints(saved.map(({ version }) => version ?? 0)),
        bigints(saved.map(({ write }) => write?.expiresAtMs ?? null)),
        texts(saved.map(({ write }) => kept(write?.value ?? ""))),
      ),
    );
  if (dropped.length > 0) script.add(bound(sql.dropCells, spaces(dropped), keys(dropped)));
  for (const cell of written) cell.write = undefined;
}

function flushSeen({ sql, work, script }: Flushing): void {
  const rows = [...work.seen.values()].filter((entry) => entry.expiresAtMs !== undefined);
  if (rows.length === 0) return;
  script.add(
    bound(
      sql.saveSeen,
      texts(rows.map(({ consumer }) => kept(consumer))),
      texts(rows.map(({ id }) => kept(id))),
      bigints(rows.map(({ expiresAtMs }) => expiresAtMs ?? 0)),
    ),
  );
  for (const row of rows) row.expiresAtMs = undefined;
}

function flushDedups({ sql, work, script }: Flushing): void {
  const rows = [...work.dedups.values()].filter((dedup) => dedup.expiresAtMs !== undefined);
  if (rows.length === 0) return;
  script.add(
    bound(
      sql.saveDedups,
      integers(rows.map(({ queue }) => queue.id)),
      texts(rows.map(({ key }) => kept(key))),
      bigints(rows.map(({ message }) => message ?? 0)),
      bigints(rows.map(({ expiresAtMs }) => expiresAtMs ?? 0)),
    ),
  );
  for (const row of rows) row.expiresAtMs = undefined;
}

function flushKeys({ sql, work, script }: Flushing): void {
  const changed = [...work.keys.values()].filter((key) => key.isChanged);
  const saved = changed.filter(({ concurrency }) => concurrency !== 1);
  const dropped = changed.filter(({ concurrency, isKept }) => concurrency === 1 && isKept);
  const queues = (keys: typeof changed): Buffer => integers(keys.map(({ queue }) => queue.id));
  const names = (keys: typeof changed): Buffer => texts(keys.map(({ key }) => kept(key)));
  if (saved.length > 0)
    script.add(
      bound(sql.saveConcurrencies, queues(saved), names(saved), integers(saved.map(({ concurrency }) => concurrency))),
    );
  if (dropped.length > 0) script.add(bound(sql.dropConcurrencies, queues(dropped), names(dropped)));
  for (const key of changed) {
    key.isChanged = false;
    key.isKept = key.concurrency !== 1;
  }
}

function flushQueues({ sql, work, script, shard }: Flushing): void {
  const queues = [...work.queues.values()];
  const changed = queues.filter((queue) => queue.isChanged);
  if (changed.length > 0) {
    // Another may have changed the flow of a queue that is only named here.
    const paused = integers(changed.map(({ isFlowChanged, isPaused }) => (isFlowChanged ? Number(isPaused) : -1)));
    script.add(bound(sql.saveQueues, integers(changed.map(({ id }) => id)), paused));
  }
  for (const queue of changed) queue.isChanged = queue.isFlowChanged = false;
  const moved = queues.filter((queue) => queue.moved.some((count) => count !== 0));
  if (moved.length === 0) return;
  const ofState = (state: number): Buffer => bigints(moved.map((queue: QueueState) => queue.moved[state] ?? 0));
  const counts = [0, 1, 2, 3, 4, 5].map((state) => ofState(state));
  script.add(bound(sql.addCounts, String(shard), integers(moved.map(({ id }) => id)), ...counts));
  for (const { moved: counted } of moved) counted.fill(0);
}
