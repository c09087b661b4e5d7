import type { Change, Transaction } from "../engine/mod.ts";

/** One attempt at one job, as its handler sees it. */
export interface Job<T, Sql = unknown> {
  /** Stays the same across attempts: the natural idempotency key for calls to other systems. Never used twice. */
  readonly id: string;
  readonly input: T;
  /** 1 for the first. Attempts that were handed back or died with their process are not counted. */
  readonly attempt: number;
  /** How often a worker died, or lost its lease, while it held this job. */
  readonly crashes: number;
  readonly key: string | undefined;
  readonly lane: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly enqueuedAtMs: number;
  /** Aborts when the lease is lost (`LeaseLostError`: somebody else may run the job, nothing recorded here counts any more), the worker's
   *  `timeoutMs` are used up (`TimeoutError`: the attempt has failed), or the worker stops and will not wait longer (`WorkerStoppedError`: the job goes back uncounted). Made when first read. */
  readonly signal: AbortSignal;

  /** Runs `effect` and records what it returns before continuing; a later attempt gets the recorded result instead.
   *  The effect is repeated only if the process dies between its end and the record, so pass `key` on as idempotency key.
   *  `name` is unique within the job; results are JSON and kept until the job is done, at most 30 days.
   *  Throws what the effect throws (nothing is recorded) and `LeaseLostError`. Cost: one read and one commit. */
  once<R>(name: string, effect: (key: string) => R | Promise<R>): Promise<R>;

  /** Runs the caller's SQL and settles the job in one transaction: the effect happens exactly once. What it returns is also the answer to `ask`.
   *  When `work` throws, nothing of it remains and the job is still held. Throws `LeaseLostError` (before `work` runs, if it is lost by then)
   *  and `UnsupportedError` on engines without transactions. */
  tx<R>(work: (transaction: Transaction<Sql>) => R | Promise<R>): Promise<R>;
  /** The same with an inbox: `undefined`, and `work` does not run, when this queue has handled a job with the same `inbox.id`
   *  within `inbox.keepMs` before, for instance when a relay delivered a message twice. Such a duplicate is settled as done. */
  tx<R>(work: (transaction: Transaction<Sql>) => R | Promise<R>, options: InboxOptions): Promise<R | undefined>;

  /** Adds changes to the commit that settles the job when the handler returns (an outbox). They are dropped when it throws.
   *  One that is refused fails the attempt. Before `tx` or within its work they go into that commit; after it the job is settled, and
   *  `InvariantError` is thrown. Throws `LeaseLostError`. */
  also(...changes: readonly Change[]): void;

  /** Shows how far the job is; the latest report can be read by `queue.progress(id)` until the job is settled. Throws `LeaseLostError`. */
  progress(report: unknown): Promise<void>;
}

/** The identity under which a message is remembered as handled: one its producer gave it, the same for every delivery. */
export interface InboxOptions {
  readonly inbox: { readonly id: string; readonly keepMs: number };
}
