import type { Check, Put, Seen } from "../change.ts";
import type { Outcome, Refusal } from "../commit-result.ts";
import { cellIsAs } from "../expectation.ts";
import type { Work } from "./work.ts";

export function judgeCell({ cells, nowMs }: Work, { cell, expect }: Put | Check): Refusal | undefined {
  if (expect === "any") return undefined;
  const actual = cells.version(cell, nowMs);
  if (cellIsAs(expect, actual)) return undefined;
  return { kind: "cell-conflict", cell, expected: expect, actual };
}

export function applyPut({ cells, heads, nowMs, topics }: Work, { cell, value, expiresInMs }: Put): Outcome {
  const version = heads.nextRevision();
  const expiresAtMs = expiresInMs === undefined ? undefined : nowMs + expiresInMs;
  if (value === undefined) cells.drop(cell);
  else cells.put(cell, { version, expiresAtMs }, value);
  topics.addSpace(cell.space);
  return { op: "put", version };
}

export function judgeSeen({ sql, seen, nowMs }: Work, { consumer, id }: Seen): Refusal | undefined {
  if (seen.holds(id)) seen.flush();
  return sql.seen.get(consumer, id, nowMs) === undefined ? undefined : { kind: "already-seen", consumer, id };
}

export function applySeen({ seen, nowMs }: Work, { consumer, id, keepMs }: Seen): Outcome {
  seen.addNamed(id, consumer, id, nowMs + keepMs);
  return { op: "seen" };
}
