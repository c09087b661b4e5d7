import { KitError } from "../errors/mod.ts";
import type { Durability } from "./durability.ts";
import type { Refusal } from "./commit-result.ts";

/** The store failed (full, unreadable, closed under us). Nothing of the commit was applied. */
export class StorageError extends KitError {
  readonly code = "STORAGE";
  readonly retryable: boolean;
  /** `full`: no space; `busy`: another process held the store for too long; `corrupt`; `other`. */
  readonly reason: "full" | "busy" | "corrupt" | "other";

  constructor(reason: "full" | "busy" | "corrupt" | "other", message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
    this.retryable = reason === "full" || reason === "busy";
  }
}

/** A change is malformed, too large, or named twice in one commit: a fault of the caller. Nothing was applied. */
export class ChangeError extends KitError {
  readonly code = "CHANGE";
  readonly retryable = false;
}

/** The engine keeps less than a queue, saga or projection requires. Raised at start. */
export class DurabilityError extends KitError {
  readonly code = "DURABILITY";
  readonly retryable = false;

  constructor(what: string, required: Durability, offered: Durability) {
    super(
      `${what} requires durability "${required}", but the engine offers "${offered}"; open the engine with a stronger class or lower the requirement`,
    );
  }
}

/** Somebody else holds the message now: the result of this attempt was not recorded. */
export class LeaseLostError extends KitError {
  readonly code = "LEASE_LOST";
  readonly retryable = false;
  readonly queue: string;
  readonly id: string;

  constructor(queue: string, id: string) {
    super(`the lease on message ${id} of queue "${queue}" was lost: it ran out, or another worker took over`);
    this.queue = queue;
    this.id = id;
  }
}

/** A refusal that the caller cannot answer itself, raised where a capability has no value to return. */
export class RefusedError extends KitError {
  readonly code = "REFUSED";
  readonly retryable: boolean;
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(describeRefusal(refusal));
    this.refusal = refusal;
    this.retryable =
      refusal.kind === "queue-full" || refusal.kind === "version-conflict" || refusal.kind === "cell-conflict";
  }
}

/** One line for people. */
export function describeRefusal(refusal: Refusal): string {
  switch (refusal.kind) {
    case "lease-lost":
      return `the lease on message ${refusal.receipt.id} of queue "${refusal.receipt.queue}" was lost`;
    case "version-conflict":
      return `stream "${refusal.stream}" is at version ${refusal.actual}, expected ${refusal.expected}`;
    case "cell-conflict":
      return `cell "${refusal.cell.space}/${refusal.cell.key}" is ${refusal.actual === undefined ? "absent" : `at version ${refusal.actual}`}, expected ${refusal.expected}`;
    case "already-seen":
      return `"${refusal.consumer}" has handled "${refusal.id}" before`;
    case "queue-full":
      return `queue "${refusal.queue}" holds ${refusal.depth} messages, its limit is ${refusal.depthMax}`;
    default:
      throw new Error(`unknown refusal ${refusal satisfies never}`);
  }
}
