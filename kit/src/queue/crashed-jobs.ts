import type { ErrorRecord } from "../errors/mod.ts";
import type { MessageEngine } from "../engine/mod.ts";

/** A job that is dead because its workers died of it. */
export interface CrashedJob {
  readonly id: string;
  readonly error: ErrorRecord;
}

/** Which of these jobs died without a worker that could tell. Cost: one O(1) read while the queue has no dead letters,
 *  else one look at those that are not older than the oldest of `ids`. */
export async function crashedJobs(
  engine: MessageEngine,
  queue: string,
  ids: ReadonlySet<string>,
): Promise<readonly CrashedJob[]> {
  if (!(await hasDead(engine, queue))) return [];
  const numbers = [...ids].map(Number);
  const first = Math.min(...numbers);
  const last = Math.max(...numbers);
  // Ids rise with time. An engine whose ids are no numbers is looked through from the start.
  const after = Number.isSafeInteger(first) ? String(first - 1) : undefined;
  const crashed: CrashedJob[] = [];
  for await (const message of engine.scan({ kind: "messages", queue, state: "dead", after, limit: lookMax })) {
    if (Number(message.id) > last) break;
    if (message.reason !== "crashed" || !ids.has(message.id)) continue;
    const text = `its workers died, or lost their leases, ${message.crashes} times while they ran it`;
    crashed.push({ id: message.id, error: { name: "JobCrashedError", code: "JOB_CRASHED", message: text } });
  }
  return crashed;
}

const lookMax = 100_000;

async function hasDead(engine: MessageEngine, queue: string): Promise<boolean> {
  for await (const status of engine.scan({ kind: "queues", queue })) if (status.queue === queue) return status.dead > 0;
  return false;
}
