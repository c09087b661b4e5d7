import { type ContractQueue, type Request, UnavailableError } from "../contract/mod.ts";
import type { Change } from "../engine/mod.ts";
import {
  type Job,
  openQueue,
  openWorker,
  queue,
  type Queue,
  QueueFullError,
  retryPlan,
  type Worker,
} from "../queue/mod.ts";
import { ValidationError } from "../schema/mod.ts";
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
  readonly #workers = new AsyncDisposableStack();

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
    for (const [name, opened] of this.#queues) this.#workers.use(await this.#worker(name, opened));
  }

  /** Adds a job; durable when it resolves. The same key within a day is the same job. */
  async add(name: string, { input, key }: Request): Promise<{ readonly id: string }> {
    const id = `${this.#host.id}.${name}`;
    const refusal = this.#host.refusal(id);
    if (refusal !== undefined) throw refusal;
    try {
      const dedup = key === undefined ? undefined : { key, forMs: dedupForMs };
      const { id: job } = await this.#queue(name).add(input, { dedup });
      return { id: job };
    } catch (error) {
      if (error instanceof ValidationError) throw new ValidationError(`the input of ${id}`, error.issues);
      if (error instanceof QueueFullError) throw new UnavailableError(id, "the queue is full");
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#workers.disposeAsync();
  }

  #worker(name: string, opened: Queue<unknown>): Promise<Worker> {
    const handler = this.#host.implementation.handlers[name] as (context: unknown) => unknown;
    const id = `${this.#host.id}.${name}`;
    return openWorker({
      queue: opened,
      handle: async (job) => void (await handler(jobContext(this.#host, job, { input: job.input, id }))),
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
