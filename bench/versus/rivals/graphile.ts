import { Logger, makeWorkerUtils, run, type Runner, type TaskList, type WorkerUtils } from "graphile-worker";
import pg from "pg";

import { lanes, payload, quantile, servers, type Figure } from "../frame.ts";

const name = "graphile-worker 0.18, PostgreSQL";
const logger = new Logger(() => () => undefined);

interface Started {
  readonly worker: WorkerUtils;
  readonly work: (concurrentJobs: number, taskList: TaskList) => Promise<Runner>;
}

/** With its local queue and batched completion, its fastest form, whose settlements are not fenced. */
async function withGraphile(measure: (started: Started) => Promise<number>): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const pgPool = stack.adopt(new pg.Pool({ connectionString: servers.postgres, max: 40 }), (pool) => pool.end());
  const worker = stack.adopt(await makeWorkerUtils({ pgPool, logger }), (utils) => utils.release());
  await worker.migrate();
  await pgPool.query("truncate graphile_worker._private_jobs");
  return await measure({
    worker,
    work: async (concurrentJobs, taskList) => {
      const localQueue = concurrentJobs > 1 ? { localQueue: { size: 200 } } : {};
      const batches = { ...localQueue, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
      const preset = { worker: { concurrentJobs, pollInterval: 1000, ...batches } };
      return stack.adopt(await run({ pgPool, logger, noHandleSignals: true, taskList, preset }), (own) => own.stop());
    },
  });
}

export async function graphileBacklog(concurrency = 64): Promise<Figure> {
  const count = concurrency === 1 ? 4_000 : 20_000;
  const value = await withGraphile(async ({ worker, work }) => {
    for (let index = 0; index < count; index += 500)
      await worker.addJobs(
        Array.from({ length: 500 }, (_, row) => ({ identifier: "bench", payload: payload(index + row) })),
      );
    let done = 0;
    const finished = Promise.withResolvers<void>();
    const startedMs = performance.now();
    await work(concurrency, {
      bench: async () => {
        done += 1;
        if (done === count) finished.resolve();
      },
    });
    await finished.promise;
    return count / ((performance.now() - startedMs) / 1000);
  });
  return { name: `${name}, batched and unfenced`, durability: "disk", value };
}

/** Single jobs: each is a commit of its own. */
export async function graphileEnqueue(inFlight: number): Promise<Figure> {
  const value = await withGraphile(async ({ worker }) => {
    await lanes(500, inFlight, (index) => worker.addJob("bench", payload(index)));
    return lanes(5000, inFlight, (index) => worker.addJob("bench", payload(index)));
  });
  return { name, durability: "disk", value };
}

/** Batches of 100, 16 in flight. */
export async function graphileBatches(): Promise<Figure> {
  const value = await withGraphile(async ({ worker }) => {
    const add = (chunk: number): Promise<unknown> =>
      worker.addJobs(
        Array.from({ length: 100 }, (_, row) => ({ identifier: "bench", payload: payload(chunk * 100 + row) })),
      );
    await lanes(20, 16, add);
    return (await lanes(300, 16, add)) * 100;
  });
  return { name, durability: "disk", value };
}

/** Milliseconds from `addJob` to the handler, at 100 a second. */
export async function graphileStart(share: number): Promise<Figure> {
  const started = new Map<number, number>();
  const times: number[] = [];
  const value = await withGraphile(async ({ worker, work }) => {
    const bench = async (job: unknown): Promise<void> => {
      times.push(performance.now() - (started.get((job as { readonly index: number }).index) ?? 0));
    };
    await work(16, { bench });
    for (let index = 0; index < 400; index += 1) {
      started.set(index, performance.now());
      await worker.addJob("bench", { index });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    while (times.length < 400) await new Promise((resolve) => setTimeout(resolve, 10));
    return quantile(times, share);
  });
  return { name, durability: "disk", value };
}
