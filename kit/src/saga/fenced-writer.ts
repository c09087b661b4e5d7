import type { Change, CommitResult, Receipt, Settlement, Transaction } from "../engine/mod.ts";
import { ChangeError, LeaseLostError, StorageError } from "../engine/mod.ts";
import { type Host, endless } from "./host.ts";
import type { Draft, Journal } from "./journal.ts";

/** One write of a run. */
export interface Write {
  /** Name for probes, such as `step:charge`. */
  readonly point: string;
  readonly texts: readonly string[];
  readonly changes?: readonly Change[] | undefined;
  /** Ends the claim with this write; else the claim is only checked. */
  readonly settlement?: Settlement | undefined;
  readonly expiresInMs?: number | undefined;
}

// A store that is full or busy for longer than this sum of waits (about 13 s) loses the run to another executor.
const storageRetriesMax = 8;
const storageFirstMs = 50;

/**
 * All writes of one execution, one after the other. Each passes only while the execution holds the run's message, so that an executor
 * that was given up cannot write; the first refused write ends the execution, and whoever waits for it waits for ever.
 */
export class FencedWriter {
  /** Entries that may wait for the next write: nothing depends on them before it. */
  readonly pending: string[] = [];
  /** Whether a recorded time waits: it must be stored before an effect may depend on it. */
  hasPendingTime = false;
  readonly #host: Host;
  readonly #journal: Journal;
  readonly #receipt: Receipt;
  readonly #hold: Change;
  readonly #lost: (error: unknown) => void;
  readonly #queue: string[] = [];
  readonly #line: (() => void)[] = [];
  #queued: Promise<void> | undefined;
  #isLocked = false;

  constructor(
    host: Host,
    journal: Journal,
    claim: { readonly receipt: Receipt; readonly lost: (error: unknown) => void },
  ) {
    this.#host = host;
    this.#journal = journal;
    this.#receipt = claim.receipt;
    this.#hold = { op: "hold", receipt: claim.receipt };
    this.#lost = claim.lost;
  }

  /** Stores an entry; those that wait together share a commit. Throws ChangeError when it cannot be stored at all. */
  append(point: string, text: string): Promise<void> {
    this.#queue.push(text);
    if (this.#queued !== undefined) return this.#queued;
    if (this.#acquire() === undefined) return this.#appendQueued(point);
    this.#queued = this.#ownTurn().then(() => {
      this.#queued = undefined;
      return this.#appendQueued(point);
    });
    return this.#queued;
  }

  /** Stores what is pending, and the header. */
  async flush(point: string): Promise<void> {
    await this.commit({ point, texts: [] });
  }

  /** Stores entries and changes together. A refusal of the changes is returned, with the index among them; then nothing was stored. */
  async commit(write: Write): Promise<CommitResult> {
    const turn = this.#acquire();
    if (turn !== undefined) await this.#ownTurn();
    try {
      return await this.#commitAlone(write);
    } finally {
      this.#release();
    }
  }

  /** Runs the caller's statements and stores the entry that `work` returns in the same transaction. What it throws rolls all back. */
  async transact(point: string, work: (tx: Transaction<unknown>) => Promise<string>): Promise<void> {
    if (this.#acquire() !== undefined) await this.#ownTurn();
    try {
      if (this.#host.probe !== undefined) await this.#probe(`${point}:before`);
      const pendingCount = this.pending.length;
      const draft = await this.#host.transaction(async (tx) => {
        const draft = this.#journal.draft([...this.pending.slice(0, pendingCount), await work(tx)]);
        const result = await tx.commit([this.#hold, ...draft.changes]);
        if (!result.committed) throw new LeaseLostError(this.#receipt.queue, this.#receipt.id);
        return draft;
      });
      this.#adopt(draft, pendingCount);
      if (this.#host.probe !== undefined) await this.#probe(`${point}:after`);
    } catch (error) {
      if (!this.#isOwnLoss(error)) throw error;
      this.#lost(error);
      await endless();
    } finally {
      this.#release();
    }
  }

  /** The caller's statements may concern other leases; losing one of those is a failure of the step. */
  #isOwnLoss(error: unknown): boolean {
    return error instanceof LeaseLostError && error.queue === this.#receipt.queue && error.id === this.#receipt.id;
  }

  #adopt(draft: Draft, pendingCount: number): void {
    this.#journal.adopt(draft);
    if (pendingCount === 0) return;
    this.pending.splice(0, pendingCount);
    this.hasPendingTime = false;
  }

  async #appendQueued(point: string): Promise<void> {
    try {
      await this.#commitAlone({ point, texts: this.#queue.splice(0) });
    } finally {
      this.#release();
    }
  }

  async #commitAlone(write: Write): Promise<CommitResult> {
    if (this.#host.probe !== undefined) await this.#probe(`${write.point}:before`);
    const pendingCount = this.pending.length;
    const texts = pendingCount === 0 ? write.texts : [...this.pending, ...write.texts];
    const draft = this.#journal.draft(texts, write.expiresInMs);
    const fence: Change =
      write.settlement === undefined ? this.#hold : { op: "settle", receipt: this.#receipt, as: write.settlement };
    const changes =
      write.changes === undefined ? [fence, ...draft.changes] : [fence, ...draft.changes, ...write.changes];
    const result = await this.#stored(changes);
    if (!result.committed) return this.#refused(result, changes.length - (write.changes?.length ?? 0));
    this.#adopt(draft, pendingCount);
    if (this.#host.probe !== undefined) await this.#probe(`${write.point}:after`);
    if (write.changes === undefined) return result;
    return { committed: true, outcomes: result.outcomes.slice(changes.length - write.changes.length) };
  }

  #refused(result: CommitResult & { readonly committed: false }, own: number): CommitResult | Promise<never> {
    if (result.index >= own) return { ...result, index: result.index - own };
    this.#lost(new LeaseLostError(this.#receipt.queue, this.#receipt.id));
    return endless();
  }

  async #stored(changes: readonly Change[]): Promise<CommitResult> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#host.engine.commit(changes);
      } catch (error) {
        if (error instanceof ChangeError) throw error;
        if (!(error instanceof StorageError) || !error.retryable || tries === storageRetriesMax) {
          this.#lost(error);
          return endless();
        }
        await this.#host.engine.clock.sleep(storageFirstMs * 2 ** tries);
      }
    }
  }

  async #probe(point: string): Promise<void> {
    try {
      await this.#host.probe?.(point, this.#journal);
    } catch (error) {
      this.#lost(error);
      await endless();
    }
  }

  /** Undefined when the turn was free and is now ours. */
  #acquire(): "taken" | undefined {
    if (this.#isLocked) return "taken";
    this.#isLocked = true;
    return undefined;
  }

  #ownTurn(): Promise<void> {
    return new Promise((resolve) => this.#line.push(resolve));
  }

  #release(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#isLocked = false;
    else next();
  }
}
