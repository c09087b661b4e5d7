// Write-behind. A written value is a cell of the engine, and in the same commit a job that names its key: from then on it survives
// whatever happens to the process. A worker brings the cell's value to the source, deletes the cell if it is still that version, and
// only then settles the job. So while there is a cell there is a job that will read it, and a write that finds a cell replaces its
// value and adds no job: however often a key is written, the source gets the last value, and the queue holds one job a key.
import { type Codec, jsonCodec } from "../codec/mod.ts";
import { type Cell, type CellEngine, type CellKey, type Durability, RefusedError } from "../engine/mod.ts";
import { integerIn, textOf } from "../errors/mod.ts";
import {
  type BatchOutcome,
  openBatchWorker,
  openQueue,
  queue,
  type Queue,
  type QueueEngine,
  QueueFullError,
  retryPlan,
  type Worker,
} from "../queue/mod.ts";
import type { PendingWrite, Writer } from "./strategy.ts";

/** A write on its way to the source. */
export interface BehindWrite<V> {
  readonly key: string;
  /** `undefined`: delete it. */
  readonly value: V | undefined;
  /** Rises with every write of any key. A source that remembers it can refuse a late write by a process that was thought dead. */
  readonly version: number;
}

/** Where writes wait, and where they go. */
export interface OpenWriteBehindOptions<V, Sql = unknown> {
  readonly engine: QueueEngine<Sql> & CellEngine;
  /** Of the queue and the cells, 1 to 200 characters; the same in all processes that share the source. */
  readonly name: string;
  /** Brings writes of different keys to the source; throwing means that none is known to be there. May be given a write again. */
  readonly store: (writes: readonly BehindWrite<V>[]) => Promise<void>;
  /** Writes of one call of `store`, 1 to 10,000. Default 100. */
  readonly batchMax?: number | undefined;
  /** How long the first write of a batch waits for others, 0 to 60,000. Default 50. */
  readonly waitMs?: number | undefined;
  /** Keys with writes on their way; beyond it `set` rejects with QueueFullError. 1 to 1e9. Default 100,000. */
  readonly pendingMax?: number | undefined;
  /** Default JSON, refusing what JSON would change silently. */
  readonly codec?: Codec<V> | undefined;
  /** Weakest durability of the engine that is accepted. Default `process`: it survives kill -9. */
  readonly requires?: Durability | undefined;
  /** `here` (default): this process brings writes to the source too. `elsewhere`: it only takes them. */
  readonly worker?: "here" | "elsewhere" | undefined;
}

/** A {@link Writer} for the strategy of a cache. Closing it finishes the batch that runs; what is left waits for the next who opens it. */
export interface WriteBehind<V> extends Writer<V>, AsyncDisposable {
  pending(keys: readonly string[]): Promise<readonly (PendingWrite<V> | "not-pending")[]>;
  /** The jobs, one a key with a write on its way: status, dead letters and their redriving. */
  readonly queue: Pick<Queue<string>, "status" | "dead">;
}

interface StoredWrite {
  readonly queuedAtMs: number;
  /** `null`: a deletion. */
  readonly body: string | null;
}

// Should its job have ended among the dead letters, the next write of the key that comes so much later brings another.
const requeueAfterMs = 60_000;
/** Rounds of reading, storing and deleting within one attempt at a key that is written all the time. */
const roundsMax = 10;
const conflictsMax = 1_000;

/**
 * Opens write-behind over an engine. A write is acknowledged when it is as durable as the engine's class, and reaches the source at least
 * once, in the order of writes of its key as far as `store` tells the truth; intermediate values may be skipped. Failed stores are tried
 * for about 16 hours with up to a minute between. Throws {@link ConfigError} and DurabilityError.
 */
export async function openWriteBehind<V, Sql = unknown>(
  options: OpenWriteBehindOptions<V, Sql>,
): Promise<WriteBehind<V>> {
  const behind = new QueuedWrites(options, await openQueue({ engine: options.engine, queue: definitionOf(options) }));
  if (options.worker !== "elsewhere") await behind.openWorker(options);
  return behind;
}

function definitionOf<V, Sql>(options: OpenWriteBehindOptions<V, Sql>): ReturnType<typeof queue<string>> {
  return queue<string>(`${textOf("name", options.name, { lengthMax: 200 })} writes`, {
    key: (key) => key,
    depthMax: integerIn("pendingMax", options.pendingMax ?? 100_000, { min: 1, max: 1_000_000_000 }),
    retry: retryPlan({ attemptsMax: 1_000, firstMs: 100, capMs: 60_000, retryable: () => true }),
    requires: options.requires ?? "process",
  });
}

class QueuedWrites<V, Sql> implements WriteBehind<V> {
  readonly queue: Queue<string, unknown, Sql>;
  readonly #engine: QueueEngine<Sql> & CellEngine;
  readonly #codec: Codec<V>;
  readonly #space: string;
  readonly #store: OpenWriteBehindOptions<V, Sql>["store"];
  #worker: Worker | undefined;

  constructor(options: OpenWriteBehindOptions<V, Sql>, jobs: Queue<string, unknown, Sql>) {
    this.#engine = options.engine;
    this.#codec = options.codec ?? jsonCodec<V>();
    this.#space = jobs.definition.name;
    this.#store = options.store;
    this.queue = jobs;
  }

  async openWorker({ batchMax: size = 100, waitMs = 50 }: OpenWriteBehindOptions<V, Sql>): Promise<void> {
    this.#worker = await openBatchWorker({
      queue: this.queue,
      size,
      waitMs,
      handle: (jobs) => this.#bring(jobs.map((job) => job.input)),
    });
  }

  async write(key: string, value: V | undefined): Promise<void> {
    const body = value === undefined ? null : this.#codec.encode(value);
    for (let conflict = 0; ; conflict++) {
      const [present] = await this.#engine.get([this.#cell(key)]);
      const refusal = await this.#commit(key, body, present);
      if (refusal === undefined) return;
      if (conflict === conflictsMax) throw refusal;
    }
  }

  async pending(keys: readonly string[]): Promise<readonly (PendingWrite<V> | "not-pending")[]> {
    const cells = await this.#engine.get(keys.map((key) => this.#cell(key)));
    return cells.map((cell) => (cell === undefined ? "not-pending" : { value: this.#valueOf(cell) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
  }

  /** A refusal that a second look can overcome, or `undefined` when it is done. */
  async #commit(key: string, body: string | null, present: Cell | undefined): Promise<RefusedError | undefined> {
    const nowMs = this.#engine.clock.now();
    const queuedAtMs = present === undefined ? nowMs : storedWrite(present).queuedAtMs;
    const isQueued = present !== undefined && nowMs < queuedAtMs + requeueAfterMs;
    const value = JSON.stringify({ queuedAtMs: isQueued ? queuedAtMs : nowMs, body } satisfies StoredWrite);
    const put = { op: "put", cell: this.#cell(key), expect: present?.version ?? "absent", value } as const;
    const result = await this.#engine.commit(isQueued ? [put] : [put, this.queue.change(key)]);
    if (result.committed) return undefined;
    const { refusal } = result;
    if (refusal.kind === "queue-full") throw new QueueFullError(refusal.queue, refusal.depth, refusal.depthMax);
    if (refusal.kind === "cell-conflict") return new RefusedError(refusal);
    throw new RefusedError(refusal);
  }

  /** One outcome a key: done when there is no cell any more. */
  async #bring(keys: readonly string[]): Promise<readonly BatchOutcome[]> {
    const failures = new Map<string, unknown>();
    let left = await this.#writesOf(keys);
    for (let round = 0; left.length > 0 && round < roundsMax; round++) {
      await this.#storeAll(left, failures);
      const stored = left.filter(({ key }) => !failures.has(key));
      const changed = await this.#forget(stored);
      left = await this.#writesOf(changed);
    }
    for (const { key } of left) failures.set(key, new Error("it was written again while it was stored"));
    return keys.map((key) => (failures.has(key) ? { status: "failed", error: failures.get(key) } : { status: "done" }));
  }

  async #writesOf(keys: readonly string[]): Promise<readonly BehindWrite<V>[]> {
    if (keys.length === 0) return [];
    const cells = await this.#engine.get(keys.map((key) => this.#cell(key)));
    return cells
      .filter((cell) => cell !== undefined)
      .map((cell) => ({ key: cell.key, value: this.#valueOf(cell), version: cell.version }));
  }

  /** All at once; if that fails each by itself, so that one that the source will not have does not hold up the others. */
  async #storeAll(writes: readonly BehindWrite<V>[], failures: Map<string, unknown>): Promise<void> {
    try {
      await this.#store(writes);
    } catch (error) {
      const [only] = writes;
      if (writes.length === 1 && only !== undefined) failures.set(only.key, error);
      else for (const write of writes) await this.#storeAll([write], failures);
    }
  }

  /** Deletes the cells of what the source has; answers the keys that were written meanwhile. */
  async #forget(writes: readonly BehindWrite<V>[]): Promise<readonly string[]> {
    const results = await Promise.all(
      writes.map(({ key, version }) =>
        this.#engine.commit([{ op: "put", cell: this.#cell(key), expect: version, value: undefined }]),
      ),
    );
    return writes.filter((_, index) => results[index]?.committed !== true).map(({ key }) => key);
  }

  #valueOf(cell: Cell): V | undefined {
    const { body } = storedWrite(cell);
    return body === null ? undefined : this.#codec.decode(body);
  }

  #cell(key: string): CellKey {
    return { space: this.#space, key };
  }
}

function storedWrite(cell: Cell): StoredWrite {
  return JSON.parse(cell.value) as StoredWrite;
}
