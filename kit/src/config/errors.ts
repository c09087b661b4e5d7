import { KitError } from "../errors/mod.ts";

/** One thing that is wrong with what a program was told. `given` is absent when nothing was given, or must not be shown. */
export interface ConfigFault {
  /** The option's name in the program; "" for a flag or argument that no option reads. */
  readonly option: string;
  /** `--port`, `PORT`, or both where nothing was given. */
  readonly source: string;
  readonly given?: string | undefined;
  readonly expected: string;
  readonly message: string;
}

const faultsShownMax = 50;

/** A program was told something it cannot work with. `faults` holds all that is wrong, and so does the message, a line each, up to 50. */
export class ConfigFaultsError extends KitError {
  readonly code = "CONFIG_FAULTS";
  readonly retryable = false;
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.slice(0, faultsShownMax).map(({ message }) => `\n  - ${message}`);
    const rest = faults.length - lines.length;
    const more = rest > 0 ? `\n  - and ${rest} more` : "";
    super(`the configuration has ${faults.length} fault${faults.length === 1 ? "" : "s"}:${lines.join("")}${more}`);
    this.faults = faults;
  }
}
