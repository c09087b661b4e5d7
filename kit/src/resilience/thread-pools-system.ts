import { type ResourceLimits, Worker } from "node:worker_threads";
import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import { queuesOf } from "./bulkhead.ts";
import { lateError, refusedError } from "./errors.ts";
import { refusal } from "./refusal.ts";
import { Slots } from "./slots.ts";
import { TaskFailedError, ThreadLostError } from "./thread-errors.ts";
import type { TaskMessage, TaskReply } from "./thread-messages.ts";
import { priorities, type Priority, rankOf } from "./verdict.ts";

/** What thread pools go by. */
export interface ThreadPoolsOptions {
  /** Default "threads". */
  readonly name?: string | undefined;
  /** The module that threads run: it calls `serveTasks`. */
  readonly module: URL;
  /** Threads of each priority, 0 to 1,000: background work never takes the threads of critical work. */
  readonly threads: Readonly<Record<Priority, number>>;
  /** Tasks that wait, of each priority. Default 100. */
  readonly queueMax?: number | Readonly<Record<Priority, number>> | undefined;
  /** Default: as long as it takes. */
  readonly waitMaxMs?: number | undefined;
  /** Memory of a thread, as Node takes it: who uses more is ended. */
  readonly resourceLimits?: ResourceLimits | undefined;
  readonly clock?: Clock | undefined;
}

/** What may be said about one task. */
export interface TaskOptions {
  /** Default `normal`. */
  readonly priority?: Priority | undefined;
  /** Ends the task with its thread: the only way to stop code that computes. */
  readonly signal?: AbortSignal | undefined;
  /** For the task itself, without waiting; then its thread is ended. 0 to ten years. Default none. */
  readonly timeoutMs?: number | undefined;
}

/** The pool of a priority at a glance. */
export interface ThreadPoolReport {
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
}

export type { ThreadPools };

/**
 * Threads for work that computes, a pool for each priority. A thread starts when it is first needed, does one task at a time, is used again, and does not hold
 * the process while idle. A task that is aborted, late or crashes ends its thread alone; the next task gets a new one. Throws ConfigError.
 */
export function threadPools(options: ThreadPoolsOptions): ThreadPools {
  return new ThreadPools(options);
}

interface Pool {
  readonly slots: Slots;
  readonly idle: Worker[];
}

/** See {@link threadPools}. */
class ThreadPools implements AsyncDisposable {
  readonly #name: string;
  readonly #module: URL;
  readonly #resourceLimits: ResourceLimits | undefined;
  readonly #clock: Clock;
  readonly #waitMaxMs: number;
  readonly #pools: readonly Pool[];
  readonly #alive = new Set<Worker>();
  #isClosed = false;

  constructor(options: ThreadPoolsOptions) {
    const { module, threads, queueMax = 100, waitMaxMs, resourceLimits, clock = systemClock } = options;
    this.#name = textOf("name", options.name ?? "threads");
    this.#module = module;
    this.#resourceLimits = resourceLimits;
    this.#clock = clock;
    this.#waitMaxMs =
      waitMaxMs === undefined ? Infinity : numberIn("waitMaxMs", waitMaxMs, { min: 0, max: durationMaxMs });
    const rules = { clock, shares: [1, 1, 1], queueMax: queuesOf(queueMax) };
    this.#pools = priorities.map((priority) => ({
      slots: new Slots(integerIn(`threads.${priority}`, threads[priority], { min: 0, max: 1_000 }), rules),
      idle: [],
    }));
  }

  /**
   * The task's result. Rejects with ConfigError, TaskFailedError when it threw, ThreadLostError when its thread ended, TimeoutError, the signal's reason, or
   * CallRefusedError when there was no room (nothing was begun).
   */
  async run<R>(task: string, input: unknown, options: TaskOptions = {}): Promise<R> {
    const { priority = "normal", signal, timeoutMs } = options;
    signal?.throwIfAborted();
    if (timeoutMs !== undefined) numberIn("timeoutMs", timeoutMs, { min: 0, max: durationMaxMs });
    const rank = rankOf(priority);
    const pool = this.#pools[rank];
    if (pool === undefined || this.#isClosed) throw this.#refused("closed");
    await this.#room(pool, { rank, signal });
    try {
      // While it waited, were it for a moment only, the caller may have given up, or the pool been closed.
      signal?.throwIfAborted();
      if (this.#isClosed) throw this.#refused("closed");
      return (await this.#inThread(pool, { task, input }, options)) as R;
    } finally {
      pool.slots.give();
    }
  }

  /** By priority. */
  describe(): Readonly<Record<Priority, ThreadPoolReport>> {
    const of = (rank: number): ThreadPoolReport => {
      const pool = this.#pools[rank];
      return { busy: pool?.slots.inUse ?? 0, idle: pool?.idle.length ?? 0, waiting: pool?.slots.waiting ?? 0 };
    };
    return { critical: of(0), normal: of(1), background: of(2) };
  }

  /** Refuses who waits, ends all threads, also those at work: their callers get ThreadLostError. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { slots, idle } of this.#pools) {
      slots.turnAway();
      idle.length = 0;
    }
    await Promise.all(Array.from(this.#alive, (thread) => thread.terminate()));
  }

  async #room(
    { slots }: Pool,
    { rank, signal }: { readonly rank: number; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    if (slots.take(rank) === "taken") return;
    if (slots.limit === 0 || !slots.mayWait(rank) || this.#waitMaxMs === 0) throw this.#refused("full");
    const untilMs = this.#clock.monotonic() + this.#waitMaxMs;
    if ((await slots.wait({ rank, weight: 1, signal, untilMs })) === "late")
      throw this.#refused(this.#isClosed ? "closed" : "waited");
  }

  async #inThread({ idle }: Pool, message: TaskMessage, options: TaskOptions): Promise<unknown> {
    const thread = idle.pop() ?? this.#start();
    try {
      return await this.#do(thread, message, options);
    } finally {
      if (this.#alive.has(thread) && !this.#isClosed) idle.push(thread);
    }
  }

  #refused(reason: "closed" | "full" | "waited"): Error {
    return refusedError(this.#name, refusal(this.#name, reason));
  }

  #start(): Worker {
    const limits = this.#resourceLimits === undefined ? {} : { resourceLimits: this.#resourceLimits };
    const thread = new Worker(this.#module, limits);
    this.#alive.add(thread);
    const gone = (): void => {
      this.#alive.delete(thread);
      for (const { idle } of this.#pools) if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1);
    };
    thread.on("exit", gone);
    // Without a listener it would be an uncaught exception of this process; whoever waits for its task has one too.
    thread.on("error", gone);
    return thread;
  }

  #do(thread: Worker, message: TaskMessage, { signal, timeoutMs }: TaskOptions): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const end = (reason: unknown): void => {
      reject(reason);
      this.#alive.delete(thread);
      void thread.terminate(); // resolves when it has ended, and never rejects
    };
    const onMessage = (reply: TaskReply | undefined): void => {
      // What the module tells its parent besides is not for us.
      if (typeof reply?.ok !== "boolean") return;
      if (reply.ok) resolve(reply.value);
      else reject(new TaskFailedError(message.task, reply.record, reply.repeat));
    };
    const onLost = (cause: unknown): void => reject(new ThreadLostError(this.#name, message.task, cause));
    const onAbort = (): void => end(signal?.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : this.#clock.setTimer(timeoutMs, () => end(lateError(`${message.task} in ${this.#name}`, timeoutMs)));
    signal?.addEventListener("abort", onAbort, { once: true });
    thread.on("message", onMessage).on("messageerror", onLost).on("error", onLost).on("exit", onLost);
    thread.ref();
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
      thread.postMessage(message);
    } catch (error) {
      // The input cannot be cloned: nothing was sent, the thread is as good as before.
      reject(error);
    }
    return promise.finally(() => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
      thread.off("message", onMessage).off("messageerror", onLost).off("error", onLost).off("exit", onLost);
      thread.unref();
    });
  }
}
