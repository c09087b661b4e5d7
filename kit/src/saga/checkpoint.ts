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
  const { writer } = execution;
  const { changes, restore } = execution.journal.compact(state);
  const pending = writer.pending.splice(0);
  try {
    await writer.commit({ point: "checkpoint", texts: [], changes });
    writer.hasPendingTime = false;
    execution.restart();
  } catch (error) {
    restore();
    writer.pending.push(...pending);
    return await execution.unrecordable("checkpoint", error);
  }
  execution.leave();
}
