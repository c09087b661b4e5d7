import { KitError } from "../errors/mod.ts";

/** One thing that is wrong with a system. */
export interface SystemFault {
  readonly message: string;
  /** File and line of the declaration; "" when not known. */
  readonly declaredAt: string;
}

/** A system that cannot run. `faults` holds all that is wrong, and so does the message, a line each. */
export class SystemError extends KitError {
  readonly code = "SYSTEM";
  readonly retryable = false;
  readonly faults: readonly SystemFault[];

  constructor(name: string, faults: readonly SystemFault[]) {
    const lines = faults.map(
      ({ message, declaredAt }) => `\n  - ${message}${declaredAt === "" ? "" : ` (${declaredAt})`}`,
    );
    super(`the system ${name} has ${faults.length} fault${faults.length === 1 ? "" : "s"}:${lines.join("")}`);
    this.faults = faults;
  }
}
