import { SqliteError } from "../../drivers/sqlite/mod.ts";
import { StorageError } from "../errors.ts";

/** The fault as the port names it. Errors of the caller's own work and statements pass unchanged. */
export function engineFault(error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error;
  switch (error.reason) {
    case "busy":
      return new StorageError("busy", error.message, { cause: error });
    case "full":
      return new StorageError("full", error.message, { cause: error });
    case "corrupt":
      return new StorageError("corrupt", error.message, { cause: error });
    case "io":
    case "readonly":
      return new StorageError("other", error.message, { cause: error });
    case "constraint":
    case "other":
      return error;
    default:
      throw new Error(`unknown fault ${error.reason satisfies never}`);
  }
}
