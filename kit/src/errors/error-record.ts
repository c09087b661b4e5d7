import { clipped, shown } from "./shown.ts";

/** An error as plain JSON, for stores, logs and the wire. Causes are nested at most {@link errorRecord} deep. */
export type ErrorRecord = {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
};

const depthMax = 5;
const nameMaxLength = 128;
const messageMaxLength = 2_048;
const stackMaxLength = 4_096;

/**
 * Describes whatever was thrown. Never throws itself, also for hostile values (throwing getters, revoked proxies, cycles).
 * Bounded: 5 errors deep, message 2,048 and stack 4,096 UTF-16 code units. An AggregateError without a cause shows its first error as cause.
 */
export function errorRecord(error: unknown): ErrorRecord {
  return recordOf(error, 1);
}

/**
 * Whether trying again can help: what the error says in a boolean `retryable` (every KitError does, also one from another
 * copy of the package); true for everything else, because an unknown fault may pass. Never throws.
 */
export function isRetryable(error: unknown): boolean {
  const retryable = field(error, "retryable");
  return typeof retryable === "boolean" ? retryable : true;
}

function recordOf(error: unknown, depth: number): ErrorRecord {
  if (typeof error !== "object" || error === null) return { name: "NonError", message: messageOf(error) };
  const code = field(error, "code");
  const stack = field(error, "stack");
  const cause = depth < depthMax ? causeOf(error) : undefined;
  return {
    name: clipped(textField(error, "name") ?? "NonError", nameMaxLength),
    message: clipped(textField(error, "message") ?? shownSafely(error), messageMaxLength),
    ...((typeof code === "string" || typeof code === "number") && { code: clipped(String(code), nameMaxLength) }),
    ...(typeof stack === "string" && { stack: clipped(stack, stackMaxLength) }),
    ...(cause !== undefined && { cause: recordOf(cause, depth + 1) }),
  };
}

function causeOf(error: object): unknown {
  const cause = field(error, "cause") ?? undefined;
  return cause ?? field(field(error, "errors"), "0");
}

function messageOf(thrown: unknown): string {
  return typeof thrown === "string" ? clipped(thrown, messageMaxLength) : shownSafely(thrown);
}

function shownSafely(value: unknown): string {
  try {
    return shown(value);
  } catch {
    return "a value that cannot be described"; // a revoked proxy: even Array.isArray throws
  }
}

function textField(holder: unknown, key: string): string | undefined {
  const value = field(holder, key);
  return typeof value === "string" ? value : undefined;
}

function field(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null) return undefined;
  try {
    return Reflect.get(holder, key);
  } catch {
    return undefined; // a getter or proxy that throws says nothing about itself
  }
}
