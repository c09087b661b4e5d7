import { KitError } from "../errors/mod.ts";
import type { AnyFailures } from "./failure.ts";
import type { InferOutput } from "../schema/mod.ts";

/** A refusal that the call declares. Told apart with {@link isFailure}, which types `data`. */
export class DeclaredError extends KitError {
  readonly code = "DECLARED";
  readonly retryable: boolean;
  /** `orders@1.place`. */
  readonly operation: string;
  /** The name under which the call declares it. */
  readonly failure: string;
  readonly data: unknown;

  constructor(operation: string, refusal: { failure: string; title: string; data: unknown; retryable: boolean }) {
    super(`${operation} refused: ${refusal.title}`);
    this.operation = operation;
    this.failure = refusal.failure;
    this.data = refusal.data;
    this.retryable = refusal.retryable;
  }
}

/** Nothing was done: no instance is there, each is busy or draining, or the call was never sent. Safe to repeat, whatever the call. */
export class UnavailableError extends KitError {
  readonly code = "UNAVAILABLE";
  readonly retryable = true;
  readonly operation: string;
  readonly reason: string;
  /** When a repeat makes sense. */
  readonly retryAfterMs: number | undefined;

  constructor(operation: string, reason: string, retryAfterMs?: number) {
    super(`${operation} is unavailable: ${reason}`);
    this.operation = operation;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The call was sent and no answer came: it may have happened. `retryable` when its semantics allow a repeat. */
export class OutcomeUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable: boolean;
  readonly operation: string;

  constructor(operation: string, repeat: "allowed" | "not allowed", cause?: unknown) {
    super(`${operation} was sent and no answer came: it may have happened`, { cause });
    this.operation = operation;
    this.retryable = repeat === "allowed";
  }
}

/** The caller is not known, or lacks the role. */
export class AccessError extends KitError {
  readonly code = "ACCESS";
  readonly retryable = false;
  readonly operation: string;
  readonly reason: "unknown caller" | "missing role";

  constructor(operation: string, reason: "unknown caller" | "missing role") {
    super(`${operation} is not open to this caller: ${reason}`);
    this.operation = operation;
    this.reason = reason;
  }
}

/** Called more often than the contract allows. Nothing was done. */
export class RateLimitError extends KitError {
  readonly code = "RATE_LIMIT";
  readonly retryable = true;
  readonly operation: string;
  readonly retryAfterMs: number;

  constructor(operation: string, retryAfterMs: number) {
    super(`${operation} was called too often; come back in ${Math.ceil(retryAfterMs)} ms`);
    this.operation = operation;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The idempotency key was used before, for another input. Nothing was done. */
export class KeyReusedError extends KitError {
  readonly code = "KEY_REUSED";
  readonly retryable = false;
  readonly operation: string;

  constructor(operation: string) {
    super(`${operation}: this idempotency key was used before, for another input`);
    this.operation = operation;
  }
}

/** The service failed inside. What exactly is in its log, under `reference`; nothing of it leaves the service. */
export class FaultError extends KitError {
  readonly code = "FAULT";
  readonly retryable: boolean;
  readonly operation: string;
  readonly reference: string;

  constructor(operation: string, reference: string, options: { retryable: boolean; cause?: unknown }) {
    super(`${operation} failed inside (reference ${reference})`, { cause: options.cause });
    this.operation = operation;
    this.reference = reference;
    this.retryable = options.retryable;
  }
}

/** What {@link isFailure} makes of an error. */
export type Declared<E extends AnyFailures, K extends keyof E> = DeclaredError & {
  readonly failure: K;
  readonly data: InferOutput<E[K]["data"]>;
};

/**
 * Whether `error` is the refusal that the call declares under this name; then its `data` is typed. The name of the contract is not
 * compared: ask about calls that were made, in the `catch` around them.
 */
export function isFailure<E extends AnyFailures, K extends keyof E & string>(
  error: unknown,
  call: { readonly errors: E },
  name: K,
): error is Declared<E, K> {
  return error instanceof DeclaredError && error.failure === name && Object.hasOwn(call.errors, name);
}
