import { KitError } from "./kit-error.ts";
import { shown } from "./shown.ts";

/** An option holds a value it cannot have. Thrown at construction, never later. `value` may be a secret: log the message's shape with care. */
export class ConfigError extends KitError {
  readonly code = "CONFIG";
  readonly retryable = false;
  readonly option: string;
  readonly value: unknown;

  /** `expected` completes the sentence "expected …", for example "an integer of 1 or more". */
  constructor(option: string, value: unknown, expected: string) {
    super(`option ${option} is ${shown(value)}, expected ${expected}`);
    this.option = option;
    this.value = value;
  }
}

/** Something only a bug can break is broken. Never caught to go on: the state can no longer be trusted. */
export class InvariantError extends KitError {
  readonly code = "INVARIANT";
  readonly retryable = false;
}

/** A capability is missing by design, and `advice` says what to use instead. Refused at once rather than half done. */
export class UnsupportedError extends KitError {
  readonly code = "UNSUPPORTED";
  readonly retryable = false;
  readonly feature: string;
  readonly by: string;
  readonly advice: string;

  constructor(feature: string, by: string, advice: string) {
    super(`${by} does not support ${feature}: ${advice}`);
    this.feature = feature;
    this.by = by;
    this.advice = advice;
  }
}

/** Waiting ended after `afterMs` milliseconds. What was waited for may still happen: retry only what is idempotent. */
export class TimeoutError extends KitError {
  readonly code = "TIMEOUT";
  readonly retryable = true;
  readonly what: string;
  readonly afterMs: number;

  constructor(what: string, afterMs: number) {
    super(`${what} took longer than ${afterMs} ms`);
    this.what = what;
    this.afterMs = afterMs;
  }
}

/** A call reached something that is closed or closing. */
export class DisposedError extends KitError {
  readonly code = "DISPOSED";
  readonly retryable = false;
  readonly what: string;

  constructor(what: string) {
    super(`${what} is disposed`);
    this.what = what;
  }
}
