import { setTimeout as sleep } from "node:timers/promises";

import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

import { lanes, median, payload, type Figure } from "../frame.ts";
import { withRedis } from "./redis-server.ts";

/** BullMQ single adds, 64 in flight, on a Redis of its own that syncs its log at every write. */
export function bullmqEnqueue(): Promise<Figure> {
  return withRedis("each-write", async (port) => {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
    const queue = new Queue("bench", { connection });
    await queue.waitUntilReady();
    const add = (index: number): Promise<unknown> =>
      queue.add("job", payload(index), { removeOnComplete: true, removeOnFail: true });
    await lanes(1000, 64, add);
    const value = await lanes(12_000, 64, add);
    await queue.close();
    return { name: "BullMQ 6.7, Redis appendfsync always", durability: "disk", value };
  });
}

const kept = { removeOnComplete: true, removeOnFail: true };

/** BullMQ works a backlog off with 64 handlers at once. */
export function bullmqBacklog(count: number): Promise<Figure> {
  return withBull(async ({ queue, work }) => {
    for (let first = 0; first < count; first += 100)
      await queue.addBulk(
        Array.from({ length: 100 }, (_, row) => ({ name: "job", data: payload(first + row), opts: kept })),
      );
    let done = 0;
    const finished = Promise.withResolvers<void>();
    const startedMs = performance.now();
    work(64, () => {
      done += 1;
      if (done === count) finished.resolve();
    });
    await finished.promise;
    return count / ((performance.now() - startedMs) / 1000);
  });
}

/** Median milliseconds from the call that adds a job to the start of its handler, a hundred a second. */
export function bullmqStart(count: number): Promise<Figure> {
  return withBull(async ({ queue, work }) => {
    const started = new Map<string, number>();
    const times: number[] = [];
    work(16, ({ orderId }) => times.push(performance.now() - (started.get(orderId) ?? 0)));
    for (let index = 0; index < count; index += 1) {
      const order = payload(index);
      started.set(order.orderId, performance.now());
      await queue.add("job", order, kept);
      await sleep(10);
    }
    while (times.length < count) await sleep(10);
    return median(times);
  });
}

interface Bull {
  readonly queue: Queue<ReturnType<typeof payload>>;
  readonly work: (concurrency: number, handle: (input: ReturnType<typeof payload>) => void) => void;
}

function withBull(measure: (bull: Bull) => Promise<number>): Promise<Figure> {
  return withRedis("each-write", async (port) => {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
    const queue = new Queue<ReturnType<typeof payload>>("bench", { connection });
    await queue.waitUntilReady();
    const workers: Worker[] = [];
    const work: Bull["work"] = (concurrency, handle) =>
      void workers.push(new Worker("bench", async ({ data }) => handle(data), { connection, concurrency }));
    const value = await measure({ queue, work });
    for (const worker of workers) await worker.close();
    await queue.close();
    return { name: "BullMQ 6.7, Redis appendfsync always", durability: "disk", value };
  });
}

/** One push of the body a job on one connection: what a list without any bookkeeping takes. */
export function rawPushes({ count, callers }: { readonly count: number; readonly callers: number }): Promise<Figure> {
  return withRedis("each-write", async (port) => {
    const client = new Redis({ port, host: "127.0.0.1", enableAutoPipelining: true });
    const push = (index: number): Promise<unknown> => client.rpush("raw", JSON.stringify(payload(index)));
    await lanes(1_000, callers, push);
    const value = await lanes(count, callers, push);
    client.disconnect();
    return { name: "one RPUSH a job, appendfsync always", durability: "disk", value };
  });
}
