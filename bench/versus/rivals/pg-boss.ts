import pg from "pg";
import { PgBoss } from "pg-boss";

import { lanes, payload, quantile, servers, type Figure } from "../frame.ts";

const schema = "versus_boss";

async function withBoss(work: (boss: PgBoss) => Promise<number>): Promise<number> {
  const client = new pg.Client({ connectionString: servers.postgres });
  await client.connect();
  await client.query(`drop schema if exists ${schema} cascade`);
  await client.end();
  const boss = new PgBoss({ connectionString: servers.postgres, schema, max: 20 });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue("bench");
  try {
    return await work(boss);
  } finally {
    await boss.stop({ graceful: false });
  }
}

const name = "pg-boss 12, PostgreSQL";

/** Single sends: each is a commit of its own. */
export async function pgBossEnqueue(inFlight = 64): Promise<Figure> {
  const value = await withBoss(async (boss) => {
    await lanes(500, inFlight, (index) => boss.send("bench", payload(index)));
    return lanes(5000, inFlight, (index) => boss.send("bench", payload(index)));
  });
  return { name, durability: "disk", value };
}

/** Batches of 100, 16 in flight. */
export async function pgBossBatches(): Promise<Figure> {
  const insert = (boss: PgBoss, chunk: number): Promise<unknown> => {
    const batch = Array.from({ length: 100 }, (_, row) => ({ data: payload(chunk * 100 + row) }));
    return boss.insert("bench", batch);
  };
  const value = await withBoss(async (boss) => {
    await lanes(20, 16, (chunk) => insert(boss, chunk));
    return (await lanes(300, 16, (chunk) => insert(boss, chunk))) * 100;
  });
  return { name, durability: "disk", value };
}

/** Milliseconds from `send` to the handler of its own worker, at 100 a second. It polls; half a second is the shortest it takes. */
export async function pgBossStart(share: number): Promise<Figure> {
  const started = new Map<number, number>();
  const times: number[] = [];
  const value = await withBoss(async (boss) => {
    await boss.work<{ index: number }>("bench", { pollingIntervalSeconds: 0.5, batchSize: 100 }, async (jobs) => {
      for (const { data } of jobs) times.push(performance.now() - (started.get(data.index) ?? 0));
    });
    for (let index = 0; index < 400; index += 1) {
      started.set(index, performance.now());
      await boss.send("bench", { index });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    while (times.length < 400) await new Promise((resolve) => setTimeout(resolve, 10));
    return quantile(times, share);
  });
  return { name: `${name}, polled twice a second`, durability: "disk", value };
}

/** A backlog fetched and completed by batches, of 50 in 16 lanes in its fastest form. */
export async function pgBossBacklog(lanesOf = 16, batchSize = 50): Promise<Figure> {
  const count = batchSize === 1 ? 4_000 : 20_000;
  const value = await withBoss(async (boss) => {
    for (let index = 0; index < count; index += 500)
      await boss.insert(
        "bench",
        Array.from({ length: 500 }, (_, row) => ({ data: payload(index + row) })),
      );
    let done = 0;
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: lanesOf }, async () => {
        for (
          let jobs = await boss.fetch("bench", { batchSize });
          jobs.length > 0;
          jobs = await boss.fetch("bench", { batchSize })
        ) {
          await boss.complete(
            "bench",
            jobs.map((job) => job.id),
          );
          done += jobs.length;
        }
      }),
    );
    return done / ((performance.now() - startedMs) / 1000);
  });
  return { name: `${name}, batches of ${batchSize}, unfenced`, durability: "disk", value };
}
