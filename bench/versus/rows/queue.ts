import { join } from "node:path";

import { openSqliteEngine } from "ashlar/engine/sqlite";
import { openQueue, queue, retryPlan } from "ashlar/queue";

import { inFolder, lanes, payload, type Figure, type Row } from "../frame.ts";
import { workedOff } from "../worked-off.ts";

type Order = ReturnType<typeof payload>;

/** Keys, dedup and retries are in use in every job, so that nothing is compiled out. */
const orders = queue<Order>("orders", {
  key: (order) => order.orderId,
  retry: retryPlan({ attemptsMax: 8, firstMs: 1000, factor: 2, capMs: 600_000, jitter: "full" }),
  depthMax: 1_000_000,
});

const plain = queue<Order>("plain", { depthMax: 1_000_000 });
const name = "Ashlar, SQLite";

export const enqueue: Row = {
  path: "enqueue single, 64 in flight",
  better: "higher",
  unit: "jobs/s",
  bar: 85_000,
  limitName: "raw single-caller commits",
  limitRatioBar: 8,
  ours: () =>
    inFolder(async (folder): Promise<Figure> => {
      await using engine = await openSqliteEngine({ path: join(folder, "queue.db"), durability: "disk" });
      const target = await openQueue({ engine, queue: plain });
      await lanes(10_000, 64, (index) => target.add(payload(index)));
      return { name, durability: "disk", value: await lanes(100_000, 64, (index) => target.add(payload(index))) };
    }),
  rivals: [async () => (await import("../rivals/bullmq.ts")).bullmqEnqueue()],
  limit: async () => (await import("../rivals/limits.ts")).rawSingleCommits(),
};

const backlogSize = 60_000;

export const backlog: Row = {
  path: "process a backlog, concurrency 64, fenced, with keys, dedup and retries",
  better: "higher",
  unit: "jobs/s",
  bar: 60_000,
  limitName: "64 rows a commit",
  ours: () =>
    inFolder(async (folder): Promise<Figure> => {
      await using engine = await openSqliteEngine({ path: join(folder, "queue.db"), durability: "disk" });
      const target = await openQueue({ engine, queue: orders });
      await lanes(backlogSize, 256, (index) =>
        target.add(payload(index), { dedup: { key: `order-${index}`, forMs: 3_600_000 } }),
      );
      return { name, durability: "disk", value: await workedOff(target, backlogSize) };
    }),
  rivals: [async () => (await import("../rivals/graphile.ts")).graphileBacklog()],
  limit: async () => (await import("../rivals/limits.ts")).rawGroupedCommits(),
};
