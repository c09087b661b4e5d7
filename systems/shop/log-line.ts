import type { LogFields } from "ashlar/service";

/** Where lines go: a terminal is read by people, a log by programs. */
export type LineOutput = "terminal" | "log";

const lengthMax = 200;

/** A line of a log as it is written there: JSON for programs, one sentence for people. */
export function logLine(fields: LogFields, output: LineOutput): string {
  return `${output === "log" ? JSON.stringify(fields) : sentenceOf(fields)}\n`;
}

function sentenceOf({ level, message, method, route, status, operation, service, error }: LogFields): string {
  const what = message ?? `${String(method)} ${String(route)} was answered with ${String(status)}`;
  const where = operation ?? service;
  const place = where === undefined ? "" : ` (${String(where)})`;
  const text = `${level === undefined ? "error" : String(level)}: ${String(what)}${place}${reasonOf(error)}`;
  // Whatever it holds, it must neither take a second line nor move the cursor.
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return line.length > lengthMax ? `${line.slice(0, lengthMax - 1)}…` : line;
}

function reasonOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("message" in error)) return "";
  return `: ${String(error.message)}`;
}
