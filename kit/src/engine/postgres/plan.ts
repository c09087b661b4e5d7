import { hash32 } from "../../codec/mod.ts";
import type { Change, Enqueue } from "../change.ts";
import type { ClaimRequest, ClaimResult } from "../engine.ts";
import type { CommitResult } from "../commit-result.ts";
import { crashesDefault } from "../limits.ts";
import type { Receipt } from "../message.ts";
import { messageNumber } from "../validate-request.ts";
import { keyName, pairName } from "./work.ts";

/** A list of changes that waits for its transaction, which sets `answer`. */
export interface CommitCall {
  readonly kind: "commit";
  readonly changes: readonly Change[];
  answer?: CommitResult;
}

/** A claim that waits for its transaction. */
export interface ClaimCall {
  readonly kind: "claim";
  readonly request: ClaimRequest;
  answer?: ClaimResult;
}

/** An extension that waits for its transaction. */
export interface ExtendCall {
  readonly kind: "extend";
  readonly receipts: readonly Receipt[];
  readonly leaseMs: number;
  answer?: readonly boolean[];
}

/** One call of the engine that writes. */
export type Call = CommitCall | ClaimCall | ExtendCall;

/** The key of a message never changes, so that it may be remembered. */
export interface KeyOf {
  readonly queue: number;
  readonly key: string;
}

/** What is known of names before the transaction begins; numbers of queues and logs, and keys of messages, never change. */
export interface Known {
  queueId(name: string): number | undefined;
  logId(name: string): number | undefined;
  /** `null`: it has no key, or is not there. */
  keyOf(id: number): KeyOf | null | undefined;
  /** Whether something has been enqueued, so that the queue shows. */
  isInUse(queue: string): boolean;
}

/** A key whose messages come or go. */
export interface PlannedKey {
  readonly queue: number;
  readonly key: string;
  /** How many that wait can be let in at most. */
  most: number;
}

/** What the calls name: what has to be locked, and read. */
export class Plan {
  /** Queues that must be made when they are not there, and those that are only looked for. */
  readonly madeQueues: Set<string> = new Set();
  readonly askedQueues: Set<string> = new Set();
  readonly madeLogs: Set<string> = new Set();
  readonly ids: Set<number> = new Set();
  /** Messages that may leave or enter the line of their key. */
  readonly movedIds: Set<number> = new Set();
  readonly streams: Map<string, { readonly log: string; readonly stream: string }> = new Map();
  readonly cells: Map<string, { readonly space: string; readonly key: string; isWritten: boolean }> = new Map();
  readonly seen: Map<string, { readonly consumer: string; readonly id: string }> = new Map();
  /** Queues that are claimed from, with the least `crashesMax` of the claims. */
  readonly claimed: Map<string, number> = new Map();
  readonly enqueues: Enqueue[] = [];
  /** Numbers that may be used. */
  numbers = 0;
  /** The largest concurrency that a redrive names. */
  redriveConcurrency = 0;

  constructor(calls: readonly Call[]) {
    for (const call of calls) this.#addCall(call);
  }

  #addCall(call: Call): void {
    switch (call.kind) {
      case "commit":
        for (const change of call.changes) this.#addChange(change);
        return;
      case "claim":
        return this.#addClaim(call.request);
      case "extend":
        for (const receipt of call.receipts) this.#addReceipt(receipt);
        return;
      default:
        throw new Error(`unknown call ${JSON.stringify(call satisfies never)}`);
    }
  }

  #addClaim({ queue, crashesMax = crashesDefault }: ClaimRequest): void {
    this.askedQueues.add(queue);
    this.claimed.set(queue, Math.min(crashesMax, this.claimed.get(queue) ?? crashesMax));
  }

  #addChange(change: Change): void {
    switch (change.op) {
      case "enqueue":
        this.madeQueues.add(change.queue);
        this.enqueues.push(change);
        this.numbers += change.messages.length;
        return;
      case "settle":
        return this.#addSettle(change.receipt, change.as.kind);
      case "hold":
        this.#addReceipt(change.receipt);
        return;
      case "append":
        this.madeLogs.add(change.log);
        this.streams.set(pairName(change.log, change.stream), change);
        return;
      case "put":
      case "check":
        return this.#addCell(change.cell, change.op);
      case "seen":
        this.seen.set(pairName(change.consumer, change.id), change);
        return;
      case "wake":
      case "redrive":
      case "discard":
        return this.#addIds(change);
      case "flow":
        this.madeQueues.add(change.queue);
        return;
      default:
        throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
    }
  }

  #addReceipt({ queue, id }: Receipt): number | undefined {
    this.askedQueues.add(queue);
    const number = messageNumber(id);
    if (number !== undefined) this.ids.add(number);
    return number;
  }

  #addSettle(receipt: Receipt, kind: string): void {
    const number = this.#addReceipt(receipt);
    if (number === undefined) return;
    if (kind === "ack" || kind === "dead") this.movedIds.add(number);
    else this.numbers += 1;
  }

  #addCell({ space, key }: { readonly space: string; readonly key: string }, op: "put" | "check"): void {
    const name = pairName(space, key);
    const cell = this.cells.get(name) ?? { space, key, isWritten: false };
    cell.isWritten ||= op === "put";
    if (op === "put") this.numbers += 1;
    this.cells.set(name, cell);
  }

  #addIds(change: Extract<Change, { readonly op: "wake" | "redrive" | "discard" }>): void {
    this.askedQueues.add(change.queue);
    if (change.op === "redrive")
      this.redriveConcurrency = Math.max(this.redriveConcurrency, change.keyConcurrency ?? 0);
    if (change.op !== "discard") this.numbers += change.ids.length;
    for (const id of change.ids) {
      const number = messageNumber(id);
      if (number === undefined) continue;
      this.ids.add(number);
      if (change.op !== "wake") this.movedIds.add(number);
    }
  }
}

/** Keys of which messages come or go, once the numbers of queues and the keys of messages are known. */
export function plannedKeys(plan: Plan, known: Known): ReadonlyMap<string, PlannedKey> {
  const keys = new Map<string, PlannedKey>();
  const add = (queue: number, key: string, most: number): void => {
    const name = keyName(queue, key);
    const planned = keys.get(name);
    if (planned === undefined) keys.set(name, { queue, key, most });
    else planned.most += most;
  };
  for (const { queue, keyConcurrency = 1, messages } of plan.enqueues) {
    const id = known.queueId(queue);
    for (const { key } of messages) if (key !== undefined && id !== undefined) add(id, key, keyConcurrency);
  }
  for (const id of plan.movedIds) {
    const keyed = known.keyOf(id);
    if (keyed !== undefined && keyed !== null) add(keyed.queue, keyed.key, 1 + plan.redriveConcurrency);
  }
  return keys;
}

/** A name to be locked for the transaction: for itself, or together with others that only look. */
export type Slots = Map<number, "exclusive" | "shared">;

/** Where the lock of a name lies. Two names may share a place; then they only wait for one another. */
export function slotOf(kind: "cell" | "seen" | "dedup" | "key" | "depth", name: string): number {
  // 0 stands for all names.
  return hash32(`${kind} ${name}`) | 0 || 1;
}
