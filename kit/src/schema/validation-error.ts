import { KitError } from "../errors/mod.ts";

/** One thing that is wrong. `path` reads like code, for example `items[0].price`; "" is the whole value. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

const issuesShownMax = 5;

/** A value does not fit its schema. `issues` holds all of them; the message lists the first five. */
export class ValidationError extends KitError {
  readonly code = "VALIDATION";
  readonly retryable = false;
  readonly what: string;
  readonly issues: readonly Issue[];

  constructor(what: string, issues: readonly Issue[]) {
    super(`${what} is not valid: ${listed(issues)}`);
    this.what = what;
    this.issues = issues;
  }
}

function listed(issues: readonly Issue[]): string {
  const lines = issues
    .slice(0, issuesShownMax)
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const rest = issues.length - lines.length;
  return lines.join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}
