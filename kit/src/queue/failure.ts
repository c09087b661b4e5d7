import { type ErrorRecord, errorRecord } from "../errors/mod.ts";

/** One failed attempt as the dead letters show it. */
export interface JobFailure {
  readonly error: ErrorRecord;
  readonly attempt: number;
  readonly atMs: number;
}

/** The text the engine keeps for a failed attempt. Never throws. */
export function failureText(failure: {
  readonly error: unknown;
  readonly attempt: number;
  readonly atMs: number;
}): string {
  return JSON.stringify({ error: errorRecord(failure.error), attempt: failure.attempt, atMs: failure.atMs });
}

/** Reads a kept failure. A text somebody else wrote becomes an error with that message. */
export function readFailure(text: string): JobFailure {
  const parsed = parsedOrUndefined(text);
  if (isFailure(parsed)) return parsed;
  return { error: { name: "Error", message: text }, attempt: 0, atMs: 0 };
}

function isFailure(value: unknown): value is JobFailure {
  return typeof value === "object" && value !== null && "error" in value && "attempt" in value && "atMs" in value;
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not ours: the caller shows the text as it is
  }
}
