import type { Change, CommitResult, Receipt, Settlement, Transaction } from "../engine/mod.ts";
import { ChangeError, LeaseLostError, StorageError } from "../engine/mod.ts";
import { KitError } from "../errors/mod.ts";
import { type Host, endless } from "./host.ts";
import type { Draft, EndText, HeaderChange, Journal } from "./journal.ts";

/** One write of a run. */
export interface Write {
  /** Name for probes, such as `step:charge`. */
  readonly point: string;
  readonly texts: readonly string[];
  /** Operations that `texts` answer: they get their turns in this order. */
  readonly answers?: readonly string[] | undefined;
  readonly changes?: readonly Change[] | undefined;
  /** Ends the claim with this write; else the claim is only checked. */
  readonly settlement?: Settlement | undefined;
  /** The end of the run, stored with this write. */
  readonly end?: EndText;
  /** The header as it is stored with this write, whatever comes of it. */
  readonly as?: HeaderChange;
}

interface Queued extends Write {
  readonly answers: readonly string[];
  readonly resolve: (stored: unknown) => void;
  readonly reject: (error: unknown) => void;
}

// A store that is full or busy for longer than this sum of waits (about 13 s) loses the run to another executor.
const storageRetriesMax = 8;
const storageFirstMs = 50;

const none: readonly Change[] = [];
const noAnswers: readonly string[] = [];

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
  readonly #answered: ((name: string) => void) | undefined;
  readonly #queue: Queued[] = [];
  readonly #line: (() => void)[] = [];
  #isLocked = false;

  constructor(
    host: Host,
    journal: Journal,
    claim: {
      readonly receipt: Receipt;
      readonly lost: (error: unknown) => void;
      readonly answered?: (name: string) => void;
    },
  ) {
    this.#host = host;
    this.#journal = journal;
    this.#receipt = claim.receipt;
    this.#hold = { op: "hold", receipt: claim.receipt };
    this.#lost = claim.lost;
    this.#answered = claim.answered;
  }

  /** Stores an entry; those that wait together share a commit. Throws ChangeError when it cannot be stored at all. `answer`: the
   *  operation that it answers, which will take its turn. */
  append(point: string, text: string, answer?: string): Promise<unknown> {
    const answers = answer === undefined ? noAnswers : [answer];
    if (!this.#isLocked) return this.#write({ point, texts: [text], answers });
    return new Promise((resolve, reject) => {
      const isFirst = this.#queue.push({ point, texts: [text], answers, resolve, reject }) === 1;
      if (isFirst) void this.#ownTurn().then(() => this.#writeQueued(this.#queue.splice(0)));
    });
  }

  /** Stores what is pending, and the header. */
  flush(point: string): Promise<unknown> {
    return this.commit({ point, texts: [] });
  }

  /** Stores entries and changes together. A refusal of the changes is returned, with the index among them; then nothing was stored. */
  commit(write: Write): Promise<CommitResult> {
    return this.#isLocked ? this.#ownTurn().then(() => this.#write(write)) : this.#write(write);
  }

  /** Runs the caller's statements and stores the entry that `work` returns in the same transaction. What it throws rolls all back. */
  async transact(answer: string, work: (tx: Transaction<unknown>) => Promise<string>): Promise<void> {
    const point = `step:${answer}`;
    if (this.#isLocked) await this.#ownTurn();
    this.#isLocked = true;
    let isWritten = false;
    try {
      if (this.#host.probe !== undefined) await this.#probe(`${point}:before`);
      const pendingCount = this.pending.length;
      const draft = await this.#host.transaction(async (tx) => {
        const draft = this.#journal.draft([...this.pending.slice(0, pendingCount), await work(tx)]);
        const result = await tx.commit([this.#hold, ...draft.changes]);
        if (!result.committed) throw new LeaseLostError(this.#receipt.queue, this.#receipt.id);
        isWritten = true;
        return draft;
      });
      this.#adopt(draft, pendingCount, [answer]);
      if (this.#host.probe !== undefined) await this.#probe(`${point}:after`);
    } catch (error) {
      // In doubt is not failed: whoever takes the run up finds the record, or does the step again.
      const isInDoubt = isWritten && error instanceof KitError && error.code === "OUTCOME_UNKNOWN";
      if (!isInDoubt && !this.#isOwnLoss(error)) throw error;
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

  #adopt(draft: Draft, pendingCount: number, answers: readonly string[]): void {
    this.#journal.adopt(draft);
    for (const name of answers) this.#answered?.(name);
    if (pendingCount === 0) return;
    this.pending.splice(0, pendingCount);
    // A time may have been asked for while these were on their way.
    this.hasPendingTime &&= this.pending.length > 0;
  }

  /** Stores entries together, or, when the store does not take that, each by itself: one must not keep others from being stored. */
  async #writeQueued(queued: readonly Queued[]): Promise<void> {
    const [first] = queued;
    if (first === undefined) return;
    const texts = queued.flatMap((each) => each.texts);
    const answers = queued.flatMap((each) => each.answers);
    try {
      await this.#write({ point: first.point, texts, answers });
      for (const each of queued) each.resolve(undefined);
    } catch (error) {
      const isDivisible = error instanceof ChangeError && queued.length > 1;
      for (const each of queued)
        if (isDivisible) void this.commit(each).then(each.resolve, each.reject);
        else each.reject(error);
    }
  }

  /** Takes the lock, which is free or was handed over, in the same turn. One function, because every promise between a step and the
   *  store is paid for by every step of every run. */
  async #write(write: Write): Promise<CommitResult> {
    this.#isLocked = true;
    try {
      const isProbed = this.#host.probe !== undefined;
      if (isProbed) await this.#probe(`${write.point}:before`);
      const pendingCount = this.pending.length;
      const texts = pendingCount === 0 ? write.texts : [...this.pending, ...write.texts];
      const draft = this.#journal.draft(texts, write);
      const changes = this.#changesOf(write, draft);
      let result: CommitResult;
      try {
        result = await this.#host.engine.commit(changes);
      } catch (error) {
        result = await this.#stored(changes, error);
      }
      const own = 1 + draft.changes.length;
      if (!result.committed) return await this.#refused(result, own);
      this.#adopt(draft, pendingCount, write.answers ?? noAnswers);
      if (isProbed) await this.#probe(`${write.point}:after`);
      return write.changes === undefined ? result : { committed: true, outcomes: result.outcomes.slice(own) };
    } finally {
      this.#release();
    }
  }

  #changesOf(write: Write, draft: Draft): readonly Change[] {
    const { settlement, changes = none } = write;
    const fence: Change =
      settlement === undefined ? this.#hold : { op: "settle", receipt: this.#receipt, as: settlement };
    return [fence, ...draft.changes, ...changes];
  }

  #refused(result: CommitResult & { readonly committed: false }, own: number): CommitResult | Promise<never> {
    if (result.index >= own) return { ...result, index: result.index - own };
    this.#lost(new LeaseLostError(this.#receipt.queue, this.#receipt.id));
    return endless();
  }

  /** Tries a write again that has met a fault of the store. */
  async #stored(changes: readonly Change[], fault: unknown): Promise<CommitResult> {
    let error = fault;
    for (let tries = 0; ; tries++) {
      if (error instanceof ChangeError) throw error;
      if (!(error instanceof StorageError) || !error.retryable || tries === storageRetriesMax) {
        this.#lost(error);
        return endless();
      }
      await this.#host.engine.clock.sleep(storageFirstMs * 2 ** tries);
      try {
        return await this.#host.engine.commit(changes);
      } catch (again) {
        error = again;
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

  #ownTurn(): Promise<void> {
    return new Promise((resolve) => this.#line.push(resolve));
  }

  #release(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#isLocked = false;
    else next();
  }
}
