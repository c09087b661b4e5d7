import { ProblemError } from "./problem.ts";

/** Long enough for a moment of pressure to pass, short enough for a person to wait. */
const retryAfterSeconds = "1";

export function keyReused(): ProblemError {
  return new ProblemError("idempotency-key-reused", "An earlier request with this key was another one.");
}

export function overloaded(cause?: unknown): ProblemError {
  return new ProblemError("overloaded", "Too much is in flight at the moment.", {
    headers: { "retry-after": retryAfterSeconds },
    cause,
  });
}

export function notReady(state: string): ProblemError {
  return new ProblemError("not-ready", `The shop is ${state}.`, { headers: { "retry-after": retryAfterSeconds } });
}
