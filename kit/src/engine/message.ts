/** A message to be stored in a queue. */
export interface NewMessage {
  /** Payload as text, usually JSON. At most `can.payloadBytesMax` bytes. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Priority lane, 0 (first) to 9. A claim empties lower lanes first. Default 0. */
  readonly lane?: number | undefined;
  /** Milliseconds from the engine's now until the message may be claimed. Default 0. Not together with `dueAtMs`. */
  readonly delayMs?: number | undefined;
  /** Engine time from which the message may be claimed. */
  readonly dueAtMs?: number | undefined;
  /** Messages of one key are handed out in enqueue order, at most `keyConcurrency` of them at once, across retries. */
  readonly key?: string | undefined;
  /** While a message with the same key is remembered (`forMs`, counted from its enqueue, also after it is done), this one is not added. */
  readonly dedup?: { readonly key: string; readonly forMs: number } | undefined;
  /** Hand the message to the caller at once, leased for so long: the outcome carries its receipt. Only without `key` and delay. */
  readonly claimForMs?: number | undefined;
}

/** Proof of holding one attempt of one message. A receipt never becomes valid again: ids are not reused and tokens only rise. */
export interface Receipt {
  readonly queue: string;
  readonly id: string;
  /** Fencing token of the attempt. */
  readonly token: number;
}

/** A message handed out under a lease. */
export interface Claim {
  readonly receipt: Receipt;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly key: string | undefined;
  readonly lane: number;
  /** 1 for the first attempt. Released and crashed attempts are not counted. */
  readonly attempt: number;
  /** How often the holder's process died, or its lease ran out, while it held this message. */
  readonly crashes: number;
  readonly enqueuedAtMs: number;
  readonly leaseUntilMs: number;
  /** Texts of the failures so far, oldest first, at most `failuresKept`. */
  readonly failures: readonly string[];
}

/** How many failure texts a message keeps; older ones give way, the first one stays. */
export const failuresKept = 16;

/** What becomes of a claimed message. */
export type Settlement =
  /** Done: the message is gone and its key passes on. */
  | { readonly kind: "ack" }
  /** Comes back after `delayMs` and keeps its key meanwhile. `failure` is remembered. */
  | { readonly kind: "retry"; readonly delayMs: number; readonly failure?: string | undefined }
  /** Sleeps until `delayMs` have passed or a `wake` comes; the attempt is not counted; the crash count is forgotten. `undefined`: only a wake ends it. */
  | { readonly kind: "park"; readonly delayMs: number | undefined }
  /** Goes to the dead letters of its queue; its key passes on. */
  | { readonly kind: "dead"; readonly reason: string; readonly failure?: string | undefined }
  /** Returns unhandled to its old place at once; the attempt is not counted. */
  | { readonly kind: "release" };

/** States of a stored message. `waiting`: its key is busy. `suspect`: ready again after a crash, handed out one at a time. */
export type MessageState = "ready" | "suspect" | "running" | "delayed" | "waiting" | "dead";

/** A stored message as inspection shows it. */
export interface StoredMessage {
  readonly queue: string;
  readonly id: string;
  readonly state: MessageState;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly key: string | undefined;
  readonly lane: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAtMs: number;
  /** When a delayed message matures or a lease ends; `undefined` in the other states. */
  readonly dueAtMs: number | undefined;
  readonly failures: readonly string[];
  /** Why it is dead. */
  readonly reason: string | undefined;
  /** When it died. */
  readonly diedAtMs: number | undefined;
}

/** Counts and ages of one queue; O(1) to read on every engine. */
export interface QueueStatus {
  readonly queue: string;
  readonly ready: number;
  readonly suspect: number;
  readonly running: number;
  readonly delayed: number;
  readonly waiting: number;
  readonly dead: number;
  readonly flow: "open" | "paused";
  /** Enqueue time of the message that a claim would hand out next, if any is ready. */
  readonly oldestReadyAtMs: number | undefined;
}
