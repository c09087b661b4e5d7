import { AmqpError, PublishUnknownError } from "../../drivers/amqp/mod.ts";
import { StorageError } from "../errors.ts";

/** The fault as the port names it. That a message was sent and not confirmed passes unchanged. */
export function engineFault(error: unknown): unknown {
  if (error instanceof PublishUnknownError || !(error instanceof AmqpError)) return error;
  const { message, reason } = error;
  switch (reason) {
    case "connection":
    case "unavailable":
    case "blocked":
    case "busy":
    case "late":
    case "missing":
      return new StorageError("busy", message, { cause: error });
    case "full":
    case "refused":
      return new StorageError("full", message, { cause: error });
    case "denied":
    case "tls":
    case "different":
    case "locked":
      return new StorageError("other", message, { cause: error });
    case "other":
      return error;
    default:
      throw new Error(`unknown fault ${reason satisfies never}`);
  }
}
