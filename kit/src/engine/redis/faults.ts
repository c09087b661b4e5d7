import { RedisError } from "../../drivers/redis/mod.ts";
import { StorageError } from "../errors.ts";

/** The fault as the port names it. */
export function engineFault(error: unknown): unknown {
  if (!(error instanceof RedisError)) return error;
  const { message, reason } = error;
  switch (reason) {
    case "connection":
    case "unavailable":
    case "busy":
      return new StorageError("busy", message, { cause: error });
    case "full":
      return new StorageError("full", message, { cause: error });
    case "wrong-type":
      return new StorageError("corrupt", message, { cause: error });
    case "denied":
    case "readonly":
    case "other":
      return new StorageError("other", message, { cause: error });
    default:
      throw new Error(`unknown fault ${reason satisfies never}`);
  }
}

/** The server is away, or has no time, and nothing was done. */
export function mayPass(error: unknown): boolean {
  return (
    error instanceof RedisError &&
    (error.reason === "connection" || error.reason === "unavailable" || error.reason === "busy")
  );
}

/** The data set that the engine was opened on is not there any more. */
export function lostData(keys: string): StorageError {
  const why = "the server was started without its append-only file, or it was flushed";
  const advice =
    "restore a backup, or open the engine anew, which begins with an empty data set; no receipt, id or version of the lost one will count";
  return new StorageError(
    "corrupt",
    `the data under ${keys} that this engine was opened on is gone: ${why}; ${advice}`,
  );
}

/** The data set is an older state of the one that was written to. Said once, by each engine that knows better. */
export function olderData(keys: string, missing: number): StorageError {
  return new StorageError(
    "busy",
    `the server has come back with older data under ${keys}: the last ${missing} or more acknowledged writes are gone, because it crashed before they ` +
      "were on its disk, or a replica without them took over; nothing of this call was applied, and it may be repeated",
  );
}
