import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

import { payload, servers, type Figure } from "../frame.ts";

/** graphile-worker with its local queue of 200 and batched completion: its fastest form, whose settlements are not fenced. */
export async function graphileBacklog(count = 20_000): Promise<Figure> {
  const pgPool = new pg.Pool({ connectionString: servers.postgres, max: 40 });
  const logger = new Logger(() => () => undefined);
  const worker = await makeWorkerUtils({ pgPool, logger });
  await worker.migrate();
  await pgPool.query("truncate graphile_worker._private_jobs");
  for (let index = 0; index < count; index += 500) {
    await worker.addJobs(
      Array.from({ length: 500 }, (_, row) => ({ identifier: "bench", payload: payload(index + row) })),
    );
  }
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const startedMs = performance.now();
  const runner = await run({
    pgPool,
    logger,
    noHandleSignals: true,
    taskList: {
      bench: async () => {
        done += 1;
        if (done === count) finished.resolve();
      },
    },
    preset: {
      worker: {
        concurrentJobs: 64,
        pollInterval: 1000,
        localQueue: { size: 200 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  await finished.promise;
  const value = count / ((performance.now() - startedMs) / 1000);
  await runner.stop();
  await worker.release();
  await pgPool.end();
  return { name: "graphile-worker 0.18, PostgreSQL, batched and unfenced", durability: "disk", value };
}
