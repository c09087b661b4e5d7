import { openWorker, type Queue } from "ashlar/queue";

/**
 * Jobs a second of a worker, 64 at a time unless said, that works off the `size` jobs which wait in the queue. Every one of them must be done: `leftOf` counts
 * what is left, for engines that keep no counts for the queue.
 */
export async function workedOff<T, Reply, Sql>(
  target: Queue<T, Reply, Sql>,
  size: number,
  leftOf: () => Promise<{ readonly depth: number; readonly dead: number }> = () => target.status(),
  concurrency = 64,
): Promise<number> {
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const handle = async (): Promise<Reply> => {
    done += 1;
    if (done === size) finished.resolve();
    return undefined as Reply;
  };
  const startedMs = performance.now();
  await using worker = await openWorker({ queue: target, concurrency, handle });
  await finished.promise;
  // Until the last of them is settled.
  await worker[Symbol.asyncDispose]();
  const value = size / ((performance.now() - startedMs) / 1000);
  const { depth, dead } = await leftOf();
  if (depth !== 0 || dead !== 0) throw new Error(`the backlog left ${depth} jobs and ${dead} dead`);
  return value;
}
