import { StorageError } from "../errors.ts";
import { RecentMap } from "../recent-map.ts";
import { logsMax, stateNames } from "./schema.ts";
import type { Statements } from "./statements.sql.ts";

/** Number, flow and counts of one queue, as the open transaction will leave them. */
export interface QueueHead {
  readonly id: number;
  readonly name: string;
  isPaused: boolean;
  /** By stored state number. */
  readonly counts: number[];
  /** Whether the concurrency of any key is kept. */
  hasConcurrencies: boolean;
  isChanged: boolean;
}

/** Number and end of one log, and the versions of its streams used last. */
export interface LogHead {
  readonly id: number;
  readonly name: string;
  head: number;
  recordedAtMs: number;
  readonly versions: RecentMap<string, number>;
  isChanged: boolean;
}

interface Counters {
  last_id: number;
  last_seq: number;
  revision: number;
}

// About 100 bytes each, and up to twice as many.
const versionsKept = 20_000;
// Numbers are taken from the file so many at once: a commit that takes a few writes one page less. What is left of them is lost when the
// process ends, another one commits or a transaction is rolled back.
const numbersAtOnce = 1_000;

/**
 * The rows that nearly every commit reads and writes, kept in memory: read once, written once a transaction, and forgotten when
 * another process has committed or a transaction is rolled back.
 */
export class Heads {
  readonly #sql: Statements;
  readonly #queues = new Map<string, QueueHead>();
  readonly #logs = new Map<string, LogHead>();
  readonly #changed: (QueueHead | LogHead)[] = [];
  /** The numbers given last. */
  #counters: Counters | undefined;
  /** Numbers up to these are this process's own, and the file says so or will at the end of the transaction. */
  #reserved: Counters = { last_id: 0, last_seq: 0, revision: 0 };
  #isReserving = false;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** Another process has written, or what was written is undone. */
  forget(): void {
    this.#queues.clear();
    this.#logs.clear();
    this.#changed.length = 0;
    this.#counters = undefined;
    this.#isReserving = false;
  }

  /** Writes what changed. */
  save(): void {
    if (this.#isReserving) {
      const { last_id, last_seq, revision } = this.#reserved;
      this.#sql.saveHead.run(last_id, last_seq, revision);
      this.#isReserving = false;
    }
    for (const head of this.#changed) {
      if ("counts" in head) this.#sql.saveQueue.run(head.isPaused ? 1 : 0, ...head.counts, head.id);
      else this.#sql.saveLog.run(head.head, head.recordedAtMs, head.id);
      head.isChanged = false;
    }
    this.#changed.length = 0;
  }

  nextId(): number {
    return this.#next("last_id");
  }

  nextSeq(): number {
    return this.#next("last_seq");
  }

  nextRevision(): number {
    return this.#next("revision");
  }

  queue(name: string): QueueHead {
    const known = this.findQueue(name);
    if (known !== undefined) return known;
    const { id } = this.#sql.addQueue.get(name) as { id: number };
    return this.#keepQueue({ id, name, counts: stateNames.map(() => 0), isPaused: false, hasConcurrencies: false });
  }

  findQueue(name: string): QueueHead | undefined {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const row = this.#sql.queue.get(name) as Record<string, number> | undefined;
    if (row === undefined) return undefined;
    const counts = stateNames.map((state) => row[state] ?? 0);
    const { id = 0, flow, concurrencies } = row;
    return this.#keepQueue({ id, name, counts, isPaused: flow === 1, hasConcurrencies: concurrencies === 1 });
  }

  /** Moves one message of the queue from state to state; `undefined` stands for outside. */
  count(queue: QueueHead, from: number | undefined, to: number | undefined): void {
    const { counts } = queue;
    if (from !== undefined) counts[from] = (counts[from] ?? 0) - 1;
    if (to !== undefined) counts[to] = (counts[to] ?? 0) + 1;
    this.touch(queue);
  }

  log(name: string): LogHead {
    const known = this.findLog(name);
    if (known !== undefined) return known;
    const { id } = this.#sql.addLog.get(name) as { id: number };
    if (id > logsMax) throw new StorageError("full", `the file holds ${logsMax} logs already`);
    return this.#keepLog({
      id,
      name,
      head: 0,
      recordedAtMs: 0,
      versions: new RecentMap(versionsKept),
      isChanged: false,
    });
  }

  findLog(name: string): LogHead | undefined {
    const known = this.#logs.get(name);
    if (known !== undefined) return known;
    const row = this.#sql.log.get(name) as { id: number; head: number; recorded_at: number } | undefined;
    if (row === undefined) return undefined;
    const { id, head, recorded_at: recordedAtMs } = row;
    return this.#keepLog({ id, name, head, recordedAtMs, versions: new RecentMap(versionsKept), isChanged: false });
  }

  /** Version of the stream, 0 when there is none. */
  version(log: LogHead, stream: string): number {
    const known = log.versions.get(stream);
    if (known !== undefined) return known;
    const row = this.#sql.version.get(log.id, stream) as { version: number } | undefined;
    const version = row?.version ?? 0;
    // Also that there is none: whoever asks is about to begin it, and asks again.
    this.setVersion(log, stream, version);
    return version;
  }

  setVersion(log: LogHead, stream: string, version: number): void {
    log.versions.set(stream, version);
  }

  touch(head: QueueHead | LogHead): void {
    if (head.isChanged) return;
    head.isChanged = true;
    this.#changed.push(head);
  }

  #keepQueue(row: Omit<QueueHead, "isChanged">): QueueHead {
    const head: QueueHead = { ...row, isChanged: false };
    this.#queues.set(head.name, head);
    return head;
  }

  #keepLog(head: LogHead): LogHead {
    this.#logs.set(head.name, head);
    return head;
  }

  #next(name: keyof Counters): number {
    const counters = (this.#counters ??= this.#read());
    const next = counters[name] + 1;
    counters[name] = next;
    if (next > this.#reserved[name]) this.#reserve(counters);
    return next;
  }

  #read(): Counters {
    this.#reserved = this.#sql.head.get() as unknown as Counters;
    return { ...this.#reserved };
  }

  #reserve({ last_id, last_seq, revision }: Counters): void {
    this.#isReserving = true;
    this.#reserved = {
      last_id: last_id + numbersAtOnce,
      last_seq: last_seq + numbersAtOnce,
      revision: revision + numbersAtOnce,
    };
  }
}
