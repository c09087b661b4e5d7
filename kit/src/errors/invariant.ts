import { InvariantError } from "./errors.ts";

/**
 * Throws {@link InvariantError} unless `condition` is truthy; stays on in production. Costs one branch, so it may stand on
 * hot paths; `message` is evaluated by the caller either way, so give a constant there, not a template.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
