import { clippedReason } from "./reason.ts";

/** How something is. `unknown`: nobody could find out, which is no good news for what is critical. */
export type Status = "up" | "degraded" | "down" | "unknown";

/** What a check found. */
export interface CheckAnswer {
  readonly status: Status;
  /** For people; at most 300 characters are kept. */
  readonly reason?: string | undefined;
}

/** One thing to find out: a dependency, a disk, a backlog. */
export interface HealthCheck {
  /** Unique in its report; 1 to 128 characters. */
  readonly name: string;
  /** Whether the process should get no work while this is down. Default `advisory`: what all instances share must not take all of them out at once. */
  readonly weight?: "critical" | "advisory" | undefined;
  /** Longest wait, after which the check is down. Default that of the report. */
  readonly timeoutMs?: number | undefined;
  /** How long its result is given again. Default that of the report. */
  readonly cacheMs?: number | undefined;
  /** Nothing, or a status. What it throws means down, with the error's message as reason. The signal aborts at the time-out. */
  readonly run: (signal: AbortSignal) => CheckAnswer | void | Promise<CheckAnswer | void>;
}

/** What a check found, when, and how long it took. */
export interface CheckResult {
  readonly name: string;
  readonly weight: "critical" | "advisory";
  readonly status: Status;
  /** "" where there is nothing to say. */
  readonly reason: string;
  readonly durationMs: number;
  /** How long ago it was found; undefined before the first answer. */
  readonly ageMs: number | undefined;
}

/** A status and why. */
export interface Finding {
  readonly status: Status;
  readonly reason: string;
}

const statuses: readonly Status[] = ["up", "degraded", "down", "unknown"];

/** What a check returned, as a finding; it comes from code of the user, so nothing is taken on trust. */
export function findingOf(answer: unknown): Finding {
  if (answer === undefined) return { status: "up", reason: "" };
  const parts = typeof answer === "object" && answer !== null ? (answer as Partial<Record<string, unknown>>) : {};
  const status = statuses.find((status) => status === parts["status"]);
  if (status === undefined) return { status: "unknown", reason: "the check returned no status" };
  const { reason } = parts;
  return { status, reason: typeof reason === "string" ? clippedReason(reason) : "" };
}
