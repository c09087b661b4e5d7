import { jsonCodec } from "../codec/mod.ts";
import { SagaUsageError } from "./errors.ts";
import type { ActiveRun } from "./active-run.ts";

const codec = jsonCodec<unknown>();

/** Replaces the journal by one state, in one commit. */
export async function checkpoint(execution: ActiveRun, state: unknown): Promise<void> {
  codec.encode(state);
  const admitted = execution.enter();
  if (admitted !== undefined) await admitted;
  if (!execution.isAlone) {
    execution.leave();
    throw new SagaUsageError("checkpoint while other operations of the run are in progress; await them first");
  }
  execution.writer.hasPendingTime = false;
  const changes = execution.journal.compact(state);
  execution.writer.pending.length = 0;
  execution.restart();
  try {
    await execution.writer.commit({ point: "checkpoint", texts: [], changes });
  } catch (error) {
    return await execution.unrecordable("checkpoint", error);
  }
  execution.leave();
}
