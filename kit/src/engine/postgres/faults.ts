import { PostgresError } from "../../drivers/postgres/mod.ts";
import { StorageError } from "../errors.ts";

/** The fault as the port names it. Errors of the caller's own work and statements pass unchanged. */
export function engineFault(error: unknown): unknown {
  if (!(error instanceof PostgresError)) return error;
  const { message, reason } = error;
  switch (reason) {
    case "connection":
    case "unavailable":
    case "conflict":
    case "busy":
    case "outdated":
      return new StorageError("busy", message, { cause: error });
    case "full":
      return new StorageError("full", message, { cause: error });
    case "corrupt":
      return new StorageError("corrupt", message, { cause: error });
    case "denied":
    case "readonly":
      return new StorageError("other", message, { cause: error });
    case "constraint":
    case "other":
      return error;
    default:
      throw new Error(`unknown fault ${reason satisfies never}`);
  }
}
