import type { Clock } from "../../clock/mod.ts";
import { TimeoutError } from "../../errors/mod.ts";

/** One caller's share of a transaction. */
export interface WriteTask {
  /** `shared`: leaves nothing behind when it throws, or the whole group runs again one by one. `savepoint`: rolled back alone.
   *  `exclusive`: a transaction of its own, over several turns if need be. */
  readonly isolation: "shared" | "savepoint" | "exclusive";
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly sinceMs: number;
  /** Called before the transaction of an exclusive task ends either way: its handle must not reach into the next one. */
  readonly ended: (() => void) | undefined;
  /** Callers of one group at most with this one among them: halved each time its group fails, until it is alone. */
  companyMax: number;
  outcome: unknown;
  failure: { readonly error: unknown } | undefined;
}

/** What a store that keeps caches over its tables has to know about every transaction. None of them may wait. */
export interface TransactionHooks {
  /** The transaction is open: other processes cannot write until its end. `wrote`: they have since the last transaction, or this is the first. */
  opened(others: "wrote" | "rested"): void;
  /** About to commit, or to set a savepoint: what is held in memory is to be written now. */
  closing(): void;
  /** Everything since the last `closing` is undone; the transaction goes on. */
  undone(): void;
  committed(callers: number, durationMs: number): void;
  /** Everything since `opened` is undone. */
  rolledBack(): void;
  /** The error that callers see for a fault of the store. */
  fault(error: unknown): unknown;
}

/** The outcome of `run`, or TimeoutError after `limitMs`; then the work may still go on, but its transaction is gone. */
export async function settleWithin(clock: Clock, limitMs: number, run: () => unknown): Promise<unknown> {
  const outcome = run();
  if (!(outcome instanceof Promise)) return outcome;
  return await new Promise((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => reject(new TimeoutError("a transaction", limitMs)));
    outcome.then(resolve, reject).finally(() => timer.cancel());
  });
}
