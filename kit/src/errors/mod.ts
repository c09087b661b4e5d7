export { KitError } from "./kit-error.ts";
export { ConfigError, DisposedError, InvariantError, TimeoutError, UnsupportedError } from "./errors.ts";
export { invariant } from "./invariant.ts";
export { type ErrorRecord, errorRecord, isRetryable } from "./error-record.ts";
export { integerIn, numberIn, oneOf, type Range, textOf } from "./options.ts";
