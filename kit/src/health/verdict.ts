import type { CheckResult, Status } from "./check.ts";
import type { ServingState } from "./serving-state.ts";

/** The worst news decide: critical checks weigh in full, advisory ones never more than `degraded`. */
export function overallStatus(state: ServingState, checks: readonly CheckResult[]): Status {
  if (state !== "ready") return "down";
  if (checks.some(isBlocking)) return "down";
  return checks.every(({ status }) => status === "up") ? "up" : "degraded";
}

/** Whether the process should get work now, and if not, why. */
export function readiness(
  state: ServingState,
  checks: readonly CheckResult[],
): { readonly httpStatus: 200 | 503; readonly reason: string } {
  if (state !== "ready") return { httpStatus: 503, reason: state };
  const blocking = checks.filter(isBlocking).map(({ name, status }) => `${name} is ${status}`);
  return { httpStatus: blocking.length === 0 ? 200 : 503, reason: blocking.join(", ") };
}

/** Degraded works; unknown may not, and nobody sends work to find out. */
function isBlocking({ weight, status }: CheckResult): boolean {
  return weight === "critical" && (status === "down" || status === "unknown");
}
