import { KitError } from "ashlar/errors";

/** The command line makes no sense; the message says why in one sentence. */
export class UsageError extends KitError {
  readonly code = "USAGE";
  readonly retryable = false;
}
