import type { LogFields } from "ashlar/service";

/** Where lines go: a terminal is read by people, a log by programs. */
export type LineOutput = "terminal" | "log";

const lengthMax = 200;

/** A line of a log as it is written there: JSON for programs, one sentence for people. */
export function logLine(fields: LogFields, output: LineOutput): string {
  return `${output === "log" ? JSON.stringify(fields) : sentenceOf(fields)}\n`;
}

function sentenceOf({ level, message, method, route, status, operation, service, error }: LogFields): string {
  const answered = `${textOf(method)} ${textOf(route)} was answered with ${textOf(status)}`;
  const what = textOf(message) || answered;
  const where = textOf(operation) || textOf(service);
  const text = `${textOf(level) || "error"}: ${what}${where === "" ? "" : ` (${where})`}${reasonOf(error)}`;
  // Whatever it holds, it must neither take a second line nor move the cursor.
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return line.length > lengthMax ? `${line.slice(0, lengthMax - 1)}…` : line;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function reasonOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("message" in error)) return "";
  return `: ${textOf(error.message)}`;
}
