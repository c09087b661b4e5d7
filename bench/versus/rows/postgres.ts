import { openPostgresEngine, type PostgresEngine } from "ashlar/engine/postgres";
import { openEventStore } from "ashlar/events";
import { openQueue, openWorker, queue, retryPlan } from "ashlar/queue";
import { openSagas, saga } from "ashlar/saga";

import { lanes, median, payload, servers, type Figure, type Row } from "../frame.ts";
import { workedOff } from "../worked-off.ts";

type Order = ReturnType<typeof payload>;

const plain = queue<Order>("plain");
const retried = queue<Order>("retried", {
  retry: retryPlan({ attemptsMax: 8, firstMs: 1000, factor: 2, capMs: 600_000, jitter: "full" }),
});
const name = "Ashlar, PostgreSQL";

/** An engine on a schema of its own, which is dropped before: what a run leaves, people may look at. */
async function withEngine(schema: string, work: (engine: PostgresEngine) => Promise<number>): Promise<Figure> {
  const url = servers.postgres;
  {
    await using admin = await openPostgresEngine({ url, schema: "versus_admin" });
    await admin.sql.query(`drop schema if exists ${schema} cascade`);
  }
  await using engine = await openPostgresEngine({ url, schema });
  return { name, durability: "disk", value: await work(engine) };
}

const limitSingle = async (): Promise<Figure> => (await import("../rivals/postgres-limits.ts")).rawSingleCommits();
const limitGrouped = async (): Promise<Figure> => (await import("../rivals/postgres-limits.ts")).rawGroupedCommits();

export const postgresEnqueue: Row = {
  path: "enqueue single on PostgreSQL, 64 in flight",
  better: "higher",
  unit: "jobs/s",
  bar: 40_000,
  limitName: "raw single-connection commits",
  limitRatioBar: 8,
  ours: () =>
    withEngine("versus_enqueue", async (engine) => {
      const target = await openQueue({ engine, queue: plain });
      await lanes(5_000, 64, (index) => target.add(payload(index)));
      return lanes(50_000, 64, (index) => target.add(payload(index)));
    }),
  rivals: [async () => (await import("../rivals/pg-boss.ts")).pgBossEnqueue()],
  limit: limitSingle,
};

const backlogSize = 30_000;

async function backlog(engine: PostgresEngine): Promise<number> {
  const target = await openQueue({ engine, queue: retried });
  await lanes(backlogSize / 100, 8, (chunk) =>
    target.addMany(Array.from({ length: 100 }, (_, row) => payload(chunk * 100 + row))),
  );
  return workedOff(target, backlogSize);
}

export const postgresBacklog: Row = {
  path: "process a backlog on PostgreSQL, concurrency 64, fenced",
  better: "higher",
  unit: "jobs/s",
  bar: 30_000,
  limitName: "raw single-connection commits",
  limitRatioBar: 6,
  ours: () => withEngine("versus_backlog", backlog),
  rivals: [async () => (await import("../rivals/graphile.ts")).graphileBacklog()],
  limit: limitSingle,
};

export const postgresBacklogFenced: Row = {
  ...postgresBacklog,
  path: "process a backlog on PostgreSQL, beside pg-boss by batches of 50",
  rivals: [async () => (await import("../rivals/pg-boss.ts")).pgBossBacklog()],
};

export const postgresStart: Row = {
  path: "enqueue to start on PostgreSQL, p50 at 100 a second",
  better: "lower",
  unit: "ms",
  bar: 2,
  limitName: "milliseconds of one raw commit",
  ours: () =>
    withEngine("versus_start", async (engine) => {
      const target = await openQueue({ engine, queue: plain });
      const times: number[] = [];
      const started = new Map<number, number>();
      await using _worker = await openWorker({
        queue: target,
        concurrency: 16,
        handle: async ({ input }) =>
          void times.push(performance.now() - (started.get(Number(input.orderId.slice(6))) ?? 0)),
      });
      for (let index = 0; index < 400; index += 1) {
        started.set(index, performance.now());
        await target.add(payload(index));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      while (times.length < 400) await new Promise((resolve) => setTimeout(resolve, 10));
      return median(times);
    }),
  limit: async () => {
    const figure = await limitSingle();
    return { ...figure, name: "ms, one commit", value: 1000 / figure.value };
  },
};

export const postgresAppend: Row = {
  path: "append one event in gap-free order on PostgreSQL, 64 in flight",
  better: "higher",
  unit: "appends/s",
  bar: 20_000,
  limitName: "raw single-connection commits",
  limitRatioBar: 4,
  ours: () =>
    withEngine("versus_append", async (engine) => {
      const store = await openEventStore({ engine });
      const append = (index: number): Promise<unknown> =>
        store.append(`order/${index}`, [{ type: "Placed", data: payload(index) }], { expected: "new" });
      await lanes(5_000, 64, append);
      return lanes(40_000, 64, (index) => append(index + 1_000_000));
    }),
  limit: limitSingle,
};

const order = saga<{ readonly index: number }, { readonly total: number }>(
  "order",
  { version: "1" },
  async (input, context) => {
    const reserved = await context.step("reserve", () => input.index + 1);
    const charged = await context.step("charge", () => reserved * 2);
    return context.step("ship", () => ({ ...payload(input.index), total: charged }));
  },
);

export const postgresSaga: Row = {
  path: "three-step saga on PostgreSQL, 64 in flight",
  better: "higher",
  unit: "sagas/s",
  bar: 8_000,
  limitName: "64 rows a commit",
  ours: () =>
    withEngine("versus_saga", async (engine) => {
      await using sagas = await openSagas({ engine, sagas: [order], concurrency: 64 });
      const run = async (index: number): Promise<void> => {
        const started = await sagas.start(order, `order-${String(index).padStart(9, "0")}`, { index });
        const result = await started.result();
        if (result.status !== "completed") throw new Error(`run ${index} ended ${result.status}`);
      };
      await lanes(3_000, 64, run);
      return await lanes(20_000, 64, (index) => run(index + 100_000));
    }),
  rivals: [async () => (await import("../rivals/dbos.ts")).dbosThroughput()],
  limit: limitGrouped,
};
