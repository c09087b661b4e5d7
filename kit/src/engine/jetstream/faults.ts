import { NatsError } from "../../drivers/nats/mod.ts";
import { KitError } from "../../errors/mod.ts";
import { StorageError } from "../errors.ts";

/** What a failed request means to a caller of the engine, when it is certain that nothing was applied. */
export function storageErrorOf(error: unknown): Error {
  if (!(error instanceof NatsError)) return error instanceof KitError && error.code !== "TIMEOUT" ? error : busy(error);
  const reason = error.reason === "full" ? "full" : error.retryable ? "busy" : "other";
  return new StorageError(reason, error.message, { cause: error });
}

function busy(cause: unknown): StorageError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new StorageError("busy", `the stream was not read in time: ${text}`, { cause });
}
