import { cellsOf, type QueueEngine } from "./queue-engine.ts";
import { abortable, gate, type Gate } from "../abort/mod.ts";
import type { Timer } from "../clock/mod.ts";
import { turnoverMap, type TurnoverMap } from "../collections/mod.ts";
import { jsonCodec } from "../codec/mod.ts";
import { type ErrorRecord, TimeoutError } from "../errors/mod.ts";
import type { CellEngine, Change, Claim } from "../engine/mod.ts";
import type { Added } from "./add-options.ts";
import { crashedJobs } from "./crashed-jobs.ts";

/** What a worker leaves for the one who asked. */
export type StoredReply =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: ErrorRecord };

/** Where a job's headers say that somebody waits, and for how long the answer is kept. */
const keepHeader = "ashlar-reply-keep-ms";
const codec = jsonCodec<StoredReply>();

// A bell may be lost by contract; this is how late an answer can then be noticed.
const lookAgainMs = 1_000;
// One read takes at most so many cells.
const cellsPerRead = 500;

export function replyHeaders(keepMs: number): Readonly<Record<string, string>> {
  return { [keepHeader]: String(keepMs) };
}

/** The write that answers a job, or nothing when nobody asked. Part of the commit that settles the job. The answer lies under the id of the
 *  job, which is never used again: a later job of the same dedup key neither reads it nor is overwritten by it. */
export function replyChange(claim: Pick<Claim, "receipt" | "headers">, reply: StoredReply): Change | undefined {
  const keepMs = claim.headers?.[keepHeader];
  if (keepMs === undefined) return undefined;
  const { queue, id } = claim.receipt;
  const cell = { space: replySpace(queue), key: id };
  return { op: "put", cell, expect: "any", value: codec.encode(reply), expiresInMs: Number(keepMs) };
}

function replySpace(queue: string): string {
  return `queue-replies:${queue}`;
}

/** Waits for the answers of one queue: one bell and one read serve all who wait, and nothing runs while nobody does. */
export class ReplyInbox {
  readonly #engine: QueueEngine;
  readonly #queue: string;
  #cells: Pick<CellEngine, "get"> | undefined;
  /** By job id. */
  readonly #waiting: TurnoverMap<string, Gate<StoredReply>[]> = turnoverMap();
  #askers = 0;
  #looks = 0;
  #bell: Disposable | undefined;
  #timer: Timer | undefined;
  #looking: "no" | "yes" | "again" = "no";

  constructor(engine: QueueEngine, queue: string) {
    this.#engine = engine;
    this.#queue = queue;
  }

  /** Runs `send` and resolves with the answer of the job it added or found. The deadline and the signal hold from the start: they also end
   *  the wait for a store that takes its time, and what it adds later is then answered to nobody. */
  async ask(options: AskWait): Promise<StoredReply> {
    const { withinMs, signal } = options;
    signal?.throwIfAborted();
    this.#cells ??= cellsOf(this.#engine, "request-reply");
    const answer = gate<StoredReply>();
    const deadline = this.#engine.clock.setTimer(withinMs, () =>
      answer.fail(new TimeoutError(`the answer of queue "${this.#queue}"`, withinMs)),
    );
    const asking: Asking = { answer, isOver: false, jobId: undefined };
    this.#open();
    void this.#send(options.send, asking);
    try {
      return await abortable(answer.promise, signal);
    } finally {
      deadline.cancel();
      this.#leave(asking);
    }
  }

  async #send(send: AskWait["send"], asking: Asking): Promise<void> {
    try {
      const looksBefore = this.#looks;
      const { id, status } = await send();
      if (asking.isOver) return;
      asking.jobId = id;
      const others = this.#waiting.get(id);
      if (others === undefined) this.#waiting.set(id, [asking.answer]);
      else others.push(asking.answer);
      // The answer may be older than the question, or faster than the news of its id.
      if (status === "existing" || this.#looks !== looksBefore) this.#look();
    } catch (error) {
      asking.answer.fail(error);
    }
  }

  #open(): void {
    this.#askers++;
    this.#bell ??= this.#engine.bell([`cells:${replySpace(this.#queue)}`], () => this.#look());
    this.#timer ??= this.#setTimer();
  }

  #leave(asking: Asking): void {
    asking.isOver = true;
    if (asking.jobId !== undefined) this.#forget(asking.jobId, asking.answer);
    if (--this.#askers > 0) return;
    this.#bell?.[Symbol.dispose]();
    this.#timer?.cancel();
    this.#bell = undefined;
    this.#timer = undefined;
  }

  #forget(jobId: string, answer: Gate<StoredReply>): void {
    const rest = this.#waiting.get(jobId)?.filter((other) => other !== answer) ?? [];
    if (rest.length > 0) this.#waiting.set(jobId, rest);
    else this.#waiting.delete(jobId);
  }

  #setTimer(): Timer {
    return this.#engine.clock.setTimer(lookAgainMs, () => {
      this.#timer = this.#setTimer();
      this.#look();
      // No worker answers for a job that its workers did not survive. A failed look is made up for by the next.
      void this.#deliverCrashed().catch(() => undefined);
    });
  }

  #look(): void {
    this.#looks++;
    if (this.#looking !== "no") {
      this.#looking = "again";
      return;
    }
    this.#looking = "yes";
    // A read that fails leaves all waiting; the timer looks again, and their deadlines hold.
    void this.#deliver()
      .catch(() => undefined)
      .then(() => {
        const again = this.#looking === "again";
        this.#looking = "no";
        if (again && this.#waiting.size > 0) this.#look();
      });
  }

  async #deliver(): Promise<void> {
    const keys = [...this.#waiting.keys()];
    const space = replySpace(this.#queue);
    for (let from = 0; from < keys.length; from += cellsPerRead) {
      const cells = keys.slice(from, from + cellsPerRead).map((key) => ({ space, key }));
      for (const cell of await (this.#cells?.get(cells) ?? [])) {
        if (cell === undefined) continue;
        this.#answer(cell.key, codec.decode(cell.value));
      }
    }
  }

  async #deliverCrashed(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const crashed = await crashedJobs(this.#engine, this.#queue, new Set(this.#waiting.keys()));
    for (const { id, error } of crashed) this.#answer(id, { kind: "failed", error });
  }

  #answer(jobId: string, reply: StoredReply): void {
    for (const answer of this.#waiting.get(jobId) ?? []) answer.open(reply);
  }
}

interface Asking {
  readonly answer: Gate<StoredReply>;
  isOver: boolean;
  jobId: string | undefined;
}

export interface AskWait {
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly send: () => Promise<Added>;
}
