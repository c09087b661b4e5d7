import type { Check, Put, Seen } from "../change.ts";
import type { Outcome, Refusal } from "../commit-result.ts";
import { cellIsAs } from "../expectation.ts";
import type { Work } from "./work.ts";

export function judgeCell({ sql, nowMs }: Work, { cell, expect }: Put | Check): Refusal | undefined {
  if (expect === "any") return undefined;
  const row = sql.cell.get(cell.space, cell.key, nowMs) as { version: number } | undefined;
  if (cellIsAs(expect, row?.version)) return undefined;
  return { kind: "cell-conflict", cell, expected: expect, actual: row?.version };
}

export function applyPut({ sql, heads, nowMs, topics }: Work, { cell, value, expiresInMs }: Put): Outcome {
  const version = heads.nextRevision();
  if (value === undefined) sql.dropCell.run(cell.space, cell.key);
  else sql.saveCell.run(cell.space, cell.key, version, expiresInMs === undefined ? null : nowMs + expiresInMs, value);
  topics.add(`cells:${cell.space}`);
  return { op: "put", version };
}

export function judgeSeen({ sql, nowMs }: Work, { consumer, id }: Seen): Refusal | undefined {
  return sql.seen.get(consumer, id, nowMs) === undefined ? undefined : { kind: "already-seen", consumer, id };
}

export function applySeen({ sql, nowMs }: Work, { consumer, id, keepMs }: Seen): Outcome {
  sql.saveSeen.run(consumer, id, nowMs + keepMs);
  return { op: "seen" };
}
