import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import type { ClaimRequest, ClaimResult } from "../engine.ts";
import type { StorageError } from "../errors.ts";
import type { Receipt } from "../message.ts";

/** A list of changes on its way to the server. */
export interface CommitCall {
  readonly kind: "commit";
  readonly changes: readonly Change[];
  /** `StorageError`: the server has no room for this list; others of the same turn may have passed. */
  answer?: CommitResult | StorageError;
}

/** A claim on its way. */
export interface ClaimCall {
  readonly kind: "claim";
  readonly request: ClaimRequest;
  answer?: ClaimResult;
}

/** An extension of leases on its way. */
export interface ExtendCall {
  readonly kind: "extend";
  readonly receipts: readonly Receipt[];
  readonly leaseMs: number;
  answer?: readonly boolean[];
}

/** What the writer carries out. */
export type Call = CommitCall | ClaimCall | ExtendCall;

/** About how long a call keeps the server, in single changes. */
export function weightOf(call: Call): number {
  if (call.kind === "extend") return call.receipts.length;
  if (call.kind === "claim") return 1 + Math.min(call.request.count, 100);
  let weight = 0;
  for (const change of call.changes) {
    if (change.op === "enqueue") weight += change.messages.length;
    else if ("ids" in change) weight += change.ids.length;
    else weight += 1;
  }
  return weight;
}

/** Bytes of bodies and values, with three a character at most. */
export function bytesOf(call: Call): number {
  if (call.kind !== "commit") return 0;
  let units = 0;
  for (const change of call.changes) {
    if (change.op === "enqueue") for (const { body } of change.messages) units += body.length;
    else if (change.op === "put") units += change.value?.length ?? 0;
  }
  return units * 3;
}
