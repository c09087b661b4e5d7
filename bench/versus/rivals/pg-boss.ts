import pg from "pg";
import { PgBoss } from "pg-boss";

import { lanes, payload, servers, type Figure } from "../frame.ts";

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

/** Single sends at 64 in flight: each is a commit of its own. */
export async function pgBossEnqueue(): Promise<Figure> {
  const value = await withBoss(async (boss) => {
    await lanes(500, 64, (index) => boss.send("bench", payload(index)));
    return lanes(5000, 64, (index) => boss.send("bench", payload(index)));
  });
  return { name: "pg-boss 12, PostgreSQL", durability: "disk", value };
}

/** A backlog fetched and completed by batches of 50 in 16 lanes: its fastest form. */
export async function pgBossBacklog(count = 20_000): Promise<Figure> {
  const value = await withBoss(async (boss) => {
    for (let index = 0; index < count; index += 500)
      await boss.insert(
        "bench",
        Array.from({ length: 500 }, (_, row) => ({ data: payload(index + row) })),
      );
    let done = 0;
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (
          let jobs = await boss.fetch("bench", { batchSize: 50 });
          jobs.length > 0;
          jobs = await boss.fetch("bench", { batchSize: 50 })
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
  return { name: "pg-boss 12, PostgreSQL, batches of 50, unfenced", durability: "disk", value };
}
