import { KitError } from "../errors/mod.ts";

/** Another process took over: whatever was not committed is handled there. Ends a partition, never a subscription. */
export class LostError extends KitError {
  readonly code = "PARTITION_LOST";
  readonly retryable = true;

  constructor(what: string) {
    super(`${what} was taken over by another process`);
  }
}
