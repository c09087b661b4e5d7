import { StorageError } from "../engine/mod.ts";
import { DisposedError, KitError } from "../errors/mod.ts";
import { LostError } from "./lost-error.ts";

/** Too many streams are parked: the fault is probably not theirs. The partition stops rather than skip ever more. */
export class ParkedFullError extends KitError {
  readonly code = "PARKED_FULL";
  readonly retryable = true;
}

/** Whether a fault lies with the partition or its engine. No event is to blame for it, so it parks no stream: the partition stops and is tried again. */
export function isPartitionFault(error: unknown): boolean {
  return (
    error instanceof LostError ||
    error instanceof ParkedFullError ||
    error instanceof StorageError ||
    error instanceof DisposedError ||
    // Of the commit: whoever goes on finds where the partition stands.
    (error instanceof KitError && error.code === "OUTCOME_UNKNOWN")
  );
}
