import { KitError } from "../errors/mod.ts";

/** Why a bus did not do what it was asked. `no-answer`: nobody answered in time; `failed`: the responder threw; `too-long`: more bytes than the bus carries. */
export class BusError extends KitError {
  readonly code = "BUS";
  readonly retryable: boolean;
  readonly reason: "no-answer" | "failed" | "too-long";

  constructor(reason: "no-answer" | "failed" | "too-long", message: string) {
    super(message);
    this.reason = reason;
    this.retryable = reason === "no-answer";
  }
}
