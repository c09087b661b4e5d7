import assert from "node:assert/strict";
import type { ManualClock } from "../../clock/mod.ts";
import {
  openQueue,
  openWorker,
  type Job,
  type Queue,
  queue,
  type QueueOptions,
  type StoredJob,
  type Worker,
} from "../mod.ts";
import type { QueueStore } from "./rule.ts";

/** A queue of texts. */
export function open<T = string>(engine: QueueStore, options: QueueOptions<T> = {}): Promise<Queue<T>> {
  return openQueue({ engine, queue: queue<T>("jobs", options) });
}

/** Lets everything come to rest, again and again, until the condition holds. Time stands still. */
export async function until(clock: ManualClock, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (holds()) return;
    await clock.settle();
  }
  assert.fail("it did not come about without time passing");
}

/** Collects the inputs that a worker is given, in their order. */
export async function collecting(
  jobs: Queue<string>,
  concurrency: number,
): Promise<{ readonly seen: string[]; readonly worker: Worker }> {
  const seen: string[] = [];
  const handle = async (job: Job<string>): Promise<void> => void seen.push(job.input);
  return { seen, worker: await openWorker({ queue: jobs, concurrency, handle }) };
}

/** Closes a worker whose handlers do not end by themselves. */
export async function closed(worker: Worker, clock: ManualClock): Promise<void> {
  const closing = worker[Symbol.asyncDispose]();
  await clock.advance(60_000);
  await closing;
}

/** An engine that some calls do not reach. */
export function altered(engine: QueueStore, calls: Partial<QueueStore>): QueueStore {
  return new Proxy(engine, {
    get(target, name) {
      const own: unknown = Reflect.get(calls, name) ?? Reflect.get(target, name);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}

export async function list<T>(jobs: AsyncIterable<StoredJob<T>>): Promise<readonly StoredJob<T>[]> {
  return Array.fromAsync(jobs);
}

/** The error with which a call rejects. */
export async function rejection(work: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  try {
    await work;
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  return assert.fail("the call had to reject");
}
