import { linkSignals } from "../abort/mod.ts";
import {
  type ContractQueue,
  FaultError,
  OutcomeUnknownError,
  type Request,
  UnavailableError,
} from "../contract/mod.ts";
import type { Change } from "../engine/mod.ts";
import {
  type Job,
  openQueue,
  openWorker,
  queue,
  type Queue,
  QueueFullError,
  ReplyError,
  retryPlan,
  type Worker,
} from "../queue/mod.ts";
import { isRetryable, TimeoutError } from "../errors/mod.ts";
import { parseSync, ValidationError } from "../schema/mod.ts";
import type { Hosting } from "./hosting.ts";

/** A key under which a job is the same job, for so long. */
const dedupForMs = 86_400_000;
const firstRetryMs = 250;
const retryCapMs = 600_000;

/** The queues of a contract, on the engine of its service, with a worker each. */
export class HostedQueues implements AsyncDisposable {
  readonly changes: object;
  readonly #host: Hosting;
  readonly #queues = new Map<string, Queue<unknown>>();
  readonly #workers: Worker[] = [];
  #closed: Promise<void> | undefined;

  constructor(host: Hosting) {
    this.#host = host;
    const { queues } = host.implementation.contract;
    const changes = Object.keys(queues).map((name) => {
      return [name, (input: unknown, options?: { dedup?: string }) => this.#change(name, input, options?.dedup)];
    });
    this.changes = Object.freeze(Object.fromEntries(changes));
  }

  /** Opens each queue, so that jobs can be added. */
  async open(): Promise<void> {
    const { contract } = this.#host.implementation;
    for (const [name, declared] of Object.entries(contract.queues)) {
      const opened = await openQueue({
        engine: this.#host.engine,
        queue: definitionOf(`${this.#host.id}.${name}`, declared),
        random: this.#host.random,
      });
      this.#queues.set(name, opened);
    }
  }

  /** Starts to work on what is there. */
  async work(): Promise<void> {
    for (const [name, opened] of this.#queues) this.#workers.push(await this.#worker(name, opened));
  }

  /** Adds a job; durable when it resolves. The same key within a day is the same job. Where the queue has an output, waits for the answer of the job. */
  async add(name: string, request: Request): Promise<unknown> {
    const id = `${this.#host.id}.${name}`;
    const refusal = this.#host.refusal(id);
    if (refusal !== undefined) throw refusal;
    const { withinMs = Infinity } = request;
    if (withinMs <= 0) throw new TimeoutError(id, 0);
    request.signal?.throwIfAborted();
    request.parent?.signal.throwIfAborted();
    using asking = linkSignals([request.signal, request.parent?.signal, this.#host.closing]);
    this.#host.entered();
    try {
      return await this.#added(name, request, asking.signal);
    } catch (error) {
      throw this.#callError(error, { id, request });
    } finally {
      this.#host.left();
    }
  }

  async #added(name: string, { input, key, withinMs = Infinity }: Request, signal: AbortSignal): Promise<unknown> {
    const dedup = key === undefined ? undefined : { key, forMs: dedupForMs };
    const { output, deadlineMs = 0 } = this.#host.implementation.contract.queues[name] ?? {};
    if (output === undefined) return { id: (await this.#queue(name).add(input, { dedup })).id };
    const limitMs = Math.max(1, Math.floor(Math.min(withinMs, deadlineMs)));
    return await this.#queue(name).ask(input, { dedup, withinMs: limitMs, signal });
  }

  /** Only what a caller can do something about leaves the service as it is. */
  #callError(error: unknown, { id, request }: { readonly id: string; readonly request: Request }): unknown {
    if (error instanceof ValidationError) return new ValidationError(`the input of ${id}`, error.issues);
    if (error instanceof QueueFullError) return new UnavailableError(id, "the queue is full");
    const hasGivenUp = request.signal?.aborted === true || request.parent?.signal.aborted === true;
    if (error instanceof TimeoutError || hasGivenUp) return error;
    // The job is here, and goes on elsewhere or after the next start.
    if (this.#host.closing.aborted) return new OutcomeUnknownError(id, "allowed", error);
    if (error instanceof UnavailableError) return error;
    const reference = this.#host.nextId();
    const failed = error instanceof ReplyError ? error.record : error;
    this.#host.logOf({ id }, request.trace).error("the queue failed", { error: failed, reference });
    return new FaultError(id, reference, { retryable: isRetryable(error), cause: error });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= closeAll(this.#workers));
  }

  #worker(name: string, opened: Queue<unknown>): Promise<Worker> {
    const handler = this.#host.implementation.handlers[name] as (context: unknown) => unknown;
    const id = `${this.#host.id}.${name}`;
    return openWorker({
      queue: opened,
      drainMs: this.#host.graceMs,
      handle: async (job) => {
        const answer = await handler(jobContext(this.#host, job, { input: job.input, id }));
        const { output } = this.#host.implementation.contract.queues[name] ?? {};
        return output === undefined ? undefined : parseSync(output, answer, `the answer of ${id}`);
      },
      onFault: ({ what, error, jobId }) =>
        this.#host.log({ operation: id }).warn("a job failed", { what, error, jobId }),
    });
  }

  #change(name: string, input: unknown, dedup: string | undefined): Change {
    return this.#queue(name).change(input, dedup === undefined ? {} : { dedup: { key: dedup, forMs: dedupForMs } });
  }

  #queue(name: string): Queue<unknown> {
    const opened = this.#queues.get(name);
    if (opened === undefined) throw new UnavailableError(`${this.#host.id}.${name}`, "the service is opening");
    return opened;
  }
}

/** Closes workers together; they wait for their jobs at the same time. */
export async function closeAll(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
}

/** What a context holds besides; `id` is the operation's, for the log. */
export interface JobFacts {
  readonly id: string;
  readonly [name: string]: unknown;
}

/** The argument of a handler that is given a job. */
export function jobContext(host: Hosting, job: Job<unknown>, more: JobFacts): object {
  const context = Object.assign(host.shared(), {
    id: job.id,
    own: host.own,
    attempt: job.attempt,
    also: (...changes: readonly Change[]) => job.also(...changes),
    tx: (work: Parameters<typeof job.tx>[0]) => job.tx(work),
    log: host.log({ operation: more.id, job: job.id }),
  });
  Object.defineProperty(context, "signal", { enumerable: true, get: () => job.signal });
  return Object.assign(context, more, { id: job.id });
}

function definitionOf(name: string, { input, key, attemptsMax }: ContractQueue): ReturnType<typeof queue<unknown>> {
  return queue<unknown>(name, {
    input,
    key: key === undefined ? undefined : (job) => fieldText(job, key),
    retry: retryPlan({ attemptsMax, firstMs: firstRetryMs, capMs: retryCapMs }),
  });
}

function fieldText(holder: unknown, field: string): string | undefined {
  const value: unknown = typeof holder === "object" && holder !== null ? Reflect.get(holder, field) : undefined;
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
