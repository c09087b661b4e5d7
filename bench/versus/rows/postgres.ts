import { openPostgresEngine, type PostgresEngine } from "ashlar/engine/postgres";
import { openEventStore } from "ashlar/events";
import { openQueue, openWorker, queue, retryPlan } from "ashlar/queue";
import { openSagas, saga } from "ashlar/saga";

import { lanes, payload, quantile, servers, type Figure, type Row } from "../frame.ts";
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

const enqueued = {
  better: "higher",
  unit: "jobs/s",
  limitName: "raw single-connection commits",
  limit: limitSingle,
} as const;

function enqueue(inFlight: number): Row {
  const count = inFlight === 1 ? 5_000 : 50_000;
  return {
    ...enqueued,
    path: `enqueue single on PostgreSQL, ${inFlight} in flight`,
    ...(inFlight === 64 ? { bar: 40_000, limitRatioBar: 8 } : {}),
    ours: () =>
      withEngine("versus_enqueue", async (engine) => {
        const target = await openQueue({ engine, queue: plain });
        await lanes(count / 10, inFlight, (index) => target.add(payload(index)));
        return lanes(count, inFlight, (index) => target.add(payload(index)));
      }),
    rivals: [
      async () => (await import("../rivals/pg-boss.ts")).pgBossEnqueue(inFlight),
      async () => (await import("../rivals/graphile.ts")).graphileEnqueue(inFlight),
    ],
  };
}

const enqueueBatches: Row = {
  ...enqueued,
  path: "enqueue on PostgreSQL by batches of 100, 16 in flight",
  ours: () =>
    withEngine("versus_batches", async (engine) => {
      const target = await openQueue({ engine, queue: plain });
      const add = (chunk: number): Promise<unknown> =>
        target.addMany(Array.from({ length: 100 }, (_, row) => payload(chunk * 100 + row)));
      await lanes(50, 16, add);
      return (await lanes(900, 16, add)) * 100;
    }),
  rivals: [
    async () => (await import("../rivals/pg-boss.ts")).pgBossBatches(),
    async () => (await import("../rivals/graphile.ts")).graphileBatches(),
  ],
};

export const enqueuesOnPostgres: readonly Row[] = [enqueue(1), enqueue(16), enqueue(64), enqueueBatches];

function backlog(concurrency: number): Row {
  const size = concurrency === 1 ? 5_000 : 30_000;
  return {
    ...enqueued,
    path: `process a backlog on PostgreSQL, concurrency ${concurrency}, fenced`,
    ...(concurrency === 64 ? { bar: 30_000, limitRatioBar: 6 } : {}),
    ours: () =>
      withEngine("versus_backlog", async (engine) => {
        const target = await openQueue({ engine, queue: retried });
        await lanes(size / 100, 8, (chunk) =>
          target.addMany(Array.from({ length: 100 }, (_, row) => payload(chunk * 100 + row))),
        );
        return workedOff(target, size, undefined, concurrency);
      }),
    rivals: [
      async () => (await import("../rivals/graphile.ts")).graphileBacklog(concurrency),
      async () =>
        (await import("../rivals/pg-boss.ts")).pgBossBacklog(Math.min(16, concurrency), concurrency === 64 ? 50 : 1),
    ],
  };
}

export const backlogsOnPostgres: readonly Row[] = [backlog(1), backlog(16), backlog(64)];

function start(what: "p50" | "p99", share: number): Row {
  return {
    path: `enqueue to start on PostgreSQL, ${what} at 100 a second`,
    better: "lower",
    unit: "ms",
    bar: what === "p50" ? 2 : undefined,
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
        return quantile(times, share);
      }),
    rivals: [
      async () => (await import("../rivals/graphile.ts")).graphileStart(share),
      async () => (await import("../rivals/pg-boss.ts")).pgBossStart(share),
    ],
    limit: async () => {
      const figure = await limitSingle();
      return { ...figure, name: "ms, one commit", value: 1000 / figure.value };
    },
  };
}

export const startsOnPostgres: readonly Row[] = [start("p50", 0.5), start("p99", 0.99)];

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
  rivals: [
    async () => (await import("../rivals/postgres-events.ts")).messageDb(),
    async () => (await import("../rivals/postgres-events.ts")).emmettOnPostgres(),
  ],
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
