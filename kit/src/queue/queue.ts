import { type Random, systemRandom } from "../random/mod.ts";
import { integerIn } from "../errors/mod.ts";
import {
  type Change,
  type CommitResult,
  DurabilityError,
  type Enqueue,
  type QueueStatus,
  RefusedError,
  survives,
} from "../engine/mod.ts";
import { type Added, type AddManyOptions, type AddOptions, type MessageOptions, newMessage } from "./add-options.ts";
import { type DeadLetters, EngineDeadLetters } from "./dead-letters.ts";
import type { QueueDefinition } from "./definition.ts";
import { QueueFullError, ReplyError } from "./errors.ts";
import { type ListOptions, listJobs } from "./list-jobs.ts";
import { cellsOf, type QueueEngine } from "./queue-engine.ts";
import { progressCell, readProgress } from "./progress.ts";
import { ReplyInbox, replyHeaders } from "./replies.ts";
import type { StoredJob } from "./stored-job.ts";
import { telemetryChannel } from "../telemetry/mod.ts";

/** Which queue, and where. */
export interface OpenQueueOptions<T, Reply, Sql> {
  readonly engine: QueueEngine<Sql>;
  readonly queue: QueueDefinition<T, Reply>;
  /** Jitter. Default: the system's. */
  readonly random?: Random | undefined;
}

/** Counts and ages; O(1) on every engine. */
export interface QueueReport extends QueueStatus {
  /** Jobs that are not dead: what `depthMax` bounds. */
  readonly depth: number;
  /** How long the job that is next in line has been in the queue; `undefined` when none is ready. */
  readonly oldestReadyAgeMs: number | undefined;
}

/** Which jobs to list. */
export interface JobsOptions extends ListOptions {
  readonly state?: StoredJob<unknown>["state"] | undefined;
}

/** As for adding a job, with a deadline for its answer. */
export interface AskOptions extends Omit<MessageOptions, "delayMs" | "dueAtMs"> {
  /** How long to wait for the answer, 1 ms to 1 h. */
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How long an answer outlives the deadline of the one who asked: enough to ask again with the same dedup key. */
const replySpareMs = 60_000;
const added = telemetryChannel("ashlar.queue.add");

export type { Queue, QueueEngine };

/** A queue opened on an engine. Holds no resources between calls, so there is nothing to close. */
class Queue<T, Reply = unknown, Sql = unknown> {
  readonly definition: QueueDefinition<T, Reply>;
  readonly engine: QueueEngine<Sql>;
  readonly random: Random;
  /** Jobs that gave up: list, redrive, purge. */
  readonly dead: DeadLetters<T>;
  readonly #replies: ReplyInbox;

  constructor(options: OpenQueueOptions<T, Reply, Sql>) {
    this.definition = options.queue;
    this.engine = options.engine;
    this.random = options.random ?? systemRandom;
    this.dead = new EngineDeadLetters(this.engine, this.definition);
    this.#replies = new ReplyInbox(this.engine, this.definition.name);
  }

  /** Adds a job. Resolves once it is as durable as the engine's class says (with `in`: as soon as that transaction commits).
   *  Throws ValidationError, EncodeError, {@link QueueFullError}, StorageError; then nothing was added. */
  async add(input: T, options?: AddOptions): Promise<Added> {
    const result = await (options?.in ?? this.engine).commit([this.change(input, options)]);
    const [job] = this.#added(result);
    if (job === undefined) throw new TypeError("an enqueue of one message has one outcome");
    return job;
  }

  /** Adds all of them or none, in their order. Resolves with one answer an input. */
  async addMany(inputs: readonly T[], options: AddManyOptions<T> = {}): Promise<readonly Added[]> {
    if (inputs.length === 0) return [];
    const { dedup, in: committer = this.engine, ...shared } = options;
    const messages = inputs.map((input) => newMessage(this.definition, input, { ...shared, dedup: dedup?.(input) }));
    return this.#added(await committer.commit([this.#enqueue(messages)]));
  }

  /** The change that adds a job, for a commit of the caller's own (an outbox without a relay). */
  change(input: T, options?: MessageOptions): Enqueue {
    return this.#enqueue([newMessage(this.definition, input, options)]);
  }

  /** Workers everywhere stop claiming; jobs are still added, and running ones finish. */
  async pause(): Promise<void> {
    await this.#apply({ op: "flow", queue: this.definition.name, to: "paused" });
  }

  async resume(): Promise<void> {
    await this.#apply({ op: "flow", queue: this.definition.name, to: "open" });
  }

  async status(): Promise<QueueReport> {
    const name = this.definition.name;
    for await (const status of this.engine.scan({ kind: "queues", queue: name }))
      if (status.queue === name) return reportOf(status, this.engine.clock.now());
    return reportOf({ ...emptyStatus, queue: name }, this.engine.clock.now());
  }

  /** Stored jobs by id, in pages; rows changed meanwhile may or may not show. */
  jobs(options: JobsOptions = {}): AsyncIterable<StoredJob<T>> {
    return listJobs(this, options);
  }

  /** Removes a job that nobody runs. `kept`: it is running, or already gone. */
  async cancel(id: string): Promise<"cancelled" | "kept"> {
    const result = await this.#apply({ op: "discard", queue: this.definition.name, ids: [id] });
    const [outcome] = result.outcomes;
    return outcome !== undefined && "count" in outcome && outcome.count > 0 ? "cancelled" : "kept";
  }

  /** What the running attempt of a job reported last; `undefined` when it has reported nothing or the job is over. */
  async progress(id: string): Promise<unknown> {
    const [cell] = await cellsOf(this.engine, "progress").get([progressCell(this.definition.name, id)]);
    return cell === undefined ? undefined : readProgress(cell.value);
  }

  /** Adds a job and waits for what its handler returns. With `dedup`, whoever asks with the same key within its window gets the same answer
   *  from one job. Throws {@link TimeoutError} after `withinMs` and `signal.reason` (both whatever the store does; the job stays, or is still
   *  added), {@link ReplyError} when it ends in the dead letters, and what `add` throws. The answer is committed with the settlement: a job
   *  that is done has answered; that one died with its workers is noticed within a second. */
  async ask(input: T, options: AskOptions): Promise<Reply> {
    const { signal, dedup, headers, ...rest } = options;
    const withinMs = integerIn("withinMs", options.withinMs, { min: 1, max: 3_600_000 });
    const keepMs = Math.max(dedup?.forMs ?? 0, withinMs) + replySpareMs;
    const message = { ...rest, dedup, headers: { ...headers, ...replyHeaders(keepMs) } };
    const reply = await this.#replies.ask({ withinMs, signal, send: () => this.add(input, message) });
    if (reply.kind === "failed") throw new ReplyError(this.definition.name, reply.error);
    return reply.value as Reply;
  }

  #enqueue(messages: Enqueue["messages"]): Enqueue {
    const { name, keyConcurrency, depthMax } = this.definition;
    return { op: "enqueue", queue: name, messages, keyConcurrency, depthMax };
  }

  #added(result: CommitResult): readonly Added[] {
    const [outcome] = accepted(result).outcomes;
    if (outcome?.op !== "enqueue") throw new TypeError("an enqueue has the outcome of an enqueue");
    if (added.active) {
      const duplicates = outcome.messages.filter((message) => message.status === "existing").length;
      added.publish({ queue: this.definition.name, jobs: outcome.messages.length, duplicates });
    }
    return outcome.messages;
  }

  async #apply(change: Change): Promise<CommitResult & { readonly committed: true }> {
    return accepted(await this.engine.commit([change]));
  }
}

/** Opens a queue on an engine. Cheap. Throws {@link DurabilityError} when the engine keeps less than the queue requires. */
export async function openQueue<T, Reply = unknown, Sql = unknown>(
  options: OpenQueueOptions<T, Reply, Sql>,
): Promise<Queue<T, Reply, Sql>> {
  const { name, requires } = options.queue;
  const offered = options.engine.can.durability;
  if (!survives(offered, requires)) throw new DurabilityError(`queue "${name}"`, requires, offered);
  return new Queue(options);
}

/** The outcomes of a commit that adds; a refusal becomes {@link QueueFullError} or {@link RefusedError}. */
export function accepted(result: CommitResult): CommitResult & { readonly committed: true } {
  if (result.committed) return result;
  const { refusal } = result;
  if (refusal.kind === "queue-full") throw new QueueFullError(refusal.queue, refusal.depth, refusal.depthMax);
  throw new RefusedError(refusal);
}

const emptyStatus: Omit<QueueStatus, "queue"> = {
  ready: 0,
  suspect: 0,
  running: 0,
  delayed: 0,
  waiting: 0,
  dead: 0,
  flow: "open",
  oldestReadyAtMs: undefined,
};

function reportOf(status: QueueStatus, nowMs: number): QueueReport {
  const { ready, suspect, running, delayed, waiting, oldestReadyAtMs } = status;
  return {
    ...status,
    depth: ready + suspect + running + delayed + waiting,
    // A clock that stepped back must not show a negative age.
    oldestReadyAgeMs: oldestReadyAtMs === undefined ? undefined : Math.max(0, nowMs - oldestReadyAtMs),
  };
}
