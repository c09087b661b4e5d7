import { StorageError } from "../engine/mod.ts";
import { DisposedError, KitError } from "../errors/mod.ts";
import { LostError } from "./lost-error.ts";

/** Too many streams are parked: the fault is probably not theirs. The partition stops rather than skip ever more. */
export class ParkedFullError extends KitError {
  readonly code = "PARKED_FULL";
  readonly retryable = true;
}

/** The commit of a partition went through or not. Whoever loads its checkpoint again finds where it stands. */
export class InDoubtError extends KitError {
  readonly code = "PARTITION_IN_DOUBT";
  readonly retryable = true;
}

/** Whether a fault lies with the partition or its engine. No event is to blame for it, so it parks no stream: the partition stops and is tried again. */
export function isPartitionFault(error: unknown): boolean {
  return (
    error instanceof LostError ||
    error instanceof ParkedFullError ||
    error instanceof StorageError ||
    error instanceof InDoubtError ||
    error instanceof DisposedError
  );
}
