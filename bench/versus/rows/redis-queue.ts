import { openRedisEngine, type RedisEngine } from "ashlar/engine/redis";
import { openQueue, openWorker, queue, retryPlan } from "ashlar/queue";

import { lanes, median, payload, type Figure, type Row } from "../frame.ts";
import { workedOff } from "../worked-off.ts";

type Order = ReturnType<typeof payload>;

const plain = queue<Order>("plain");
const retried = queue<Order>("retried", {
  retry: retryPlan({ attemptsMax: 8, firstMs: 1000, factor: 2, capMs: 600_000, jitter: "full" }),
});
const name = "Ashlar, Redis appendfsync always";

/** An engine on a server of its own that syncs its log at every write, as the rival's. */
async function withEngine(work: (engine: RedisEngine) => Promise<number>): Promise<Figure> {
  const { withRedis } = await import("../rivals/redis-server.ts");
  return withRedis("each-write", async (port) => {
    await using engine = await openRedisEngine({ url: `redis://127.0.0.1:${port}`, durability: "disk" });
    return { name, durability: "disk", value: await work(engine) };
  });
}

const limit = async (): Promise<Figure> =>
  (await import("../rivals/bullmq.ts")).rawPushes({ count: 60_000, callers: 64 });

export const redisEnqueue: Row = {
  path: "enqueue single on Redis, 64 in flight",
  better: "higher",
  unit: "jobs/s",
  bar: 40_000,
  limitName: "one RPUSH a job",
  ours: () =>
    withEngine(async (engine) => {
      const target = await openQueue({ engine, queue: plain });
      await lanes(5_000, 64, (index) => target.add(payload(index)));
      return lanes(50_000, 64, (index) => target.add(payload(index)));
    }),
  rivals: [async () => (await import("../rivals/bullmq.ts")).bullmqEnqueue()],
  limit,
};

const backlogSize = 30_000;

export const redisBacklog: Row = {
  path: "process a backlog on Redis, concurrency 64, fenced",
  better: "higher",
  unit: "jobs/s",
  bar: 30_000,
  limitName: "one RPUSH a job",
  ours: () =>
    withEngine(async (engine) => {
      const target = await openQueue({ engine, queue: retried });
      await lanes(backlogSize / 100, 8, (chunk) =>
        target.addMany(Array.from({ length: 100 }, (_, row) => payload(chunk * 100 + row))),
      );
      return workedOff(target, backlogSize);
    }),
  rivals: [async () => (await import("../rivals/bullmq.ts")).bullmqBacklog(backlogSize)],
  limit,
};

const starts = 400;

export const redisStart: Row = {
  path: "enqueue to start on Redis, p50 at 100 a second",
  better: "lower",
  unit: "ms",
  bar: 2,
  limitName: "milliseconds of one RPUSH",
  ours: () =>
    withEngine(async (engine) => {
      const target = await openQueue({ engine, queue: plain });
      const times: number[] = [];
      const started = new Map<string, number>();
      await using _worker = await openWorker({
        queue: target,
        concurrency: 16,
        handle: async ({ input }) => void times.push(performance.now() - (started.get(input.orderId) ?? 0)),
      });
      for (let index = 0; index < starts; index += 1) {
        const order = payload(index);
        started.set(order.orderId, performance.now());
        await target.add(order);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      while (times.length < starts) await new Promise((resolve) => setTimeout(resolve, 10));
      return median(times);
    }),
  rivals: [async () => (await import("../rivals/bullmq.ts")).bullmqStart(starts)],
  limit: async () => {
    const figure = await (await import("../rivals/bullmq.ts")).rawPushes({ count: 4_000, callers: 1 });
    return { ...figure, name: "ms, one RPUSH", value: 1000 / figure.value };
  },
};
