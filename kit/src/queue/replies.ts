import { abortable, gate, type Gate } from "../abort/mod.ts";
import type { Timer } from "../clock/mod.ts";
import { jsonCodec } from "../codec/mod.ts";
import { type ErrorRecord, TimeoutError } from "../errors/mod.ts";
import type { Change, Engine } from "../engine/mod.ts";

/** What a worker leaves for the one who asked. */
export type StoredReply =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: ErrorRecord };

/** Where a job's headers say that somebody waits, and for how long the answer is kept. */
const replyHeader = "ashlar-reply";
const keepHeader = "ashlar-reply-keep-ms";
const codec = jsonCodec<StoredReply>();

// A bell may be lost by contract; this is how late an answer can then be noticed.
const lookAgainMs = 1_000;
// One read takes at most so many cells.
const cellsPerRead = 500;

export function replyHeaders(key: string, keepMs: number): Readonly<Record<string, string>> {
  return { [replyHeader]: key, [keepHeader]: String(keepMs) };
}

/** The write that answers a job, or nothing when nobody asked. Part of the commit that settles the job. */
export function replyChange(
  queue: string,
  headers: Readonly<Record<string, string>> | undefined,
  reply: StoredReply,
): Change | undefined {
  const key = headers?.[replyHeader];
  if (key === undefined) return undefined;
  const expiresInMs = Number(headers?.[keepHeader] ?? 60_000);
  return { op: "put", cell: { space: replySpace(queue), key }, expect: "any", value: codec.encode(reply), expiresInMs };
}

function replySpace(queue: string): string {
  return `queue-replies:${queue}`;
}

/** Waits for the answers of one queue: one bell and one read serve all who wait, and nothing runs while nobody does. */
export class ReplyInbox {
  readonly #engine: Engine;
  readonly #queue: string;
  readonly #waiting = new Map<string, Gate<StoredReply>[]>();
  #bell: Disposable | undefined;
  #timer: Timer | undefined;
  #looking: "no" | "yes" | "again" = "no";

  constructor(engine: Engine, queue: string) {
    this.#engine = engine;
    this.#queue = queue;
  }

  /** Runs `send` and resolves with the answer. The wait begins before the sending, so no answer can slip between. */
  async ask(key: string, options: AskWait): Promise<StoredReply> {
    options.signal?.throwIfAborted();
    const answer = gate<StoredReply>();
    answer.promise.catch(() => undefined); // a deadline during `send` is reported by the await below
    const { withinMs } = options;
    const deadline = this.#engine.clock.setTimer(withinMs, () =>
      answer.fail(new TimeoutError(`the answer of queue "${this.#queue}"`, withinMs)),
    );
    this.#join(key, answer);
    try {
      // An answer from before is only possible where the job is not new.
      if ((await options.send()) === "existing") this.#look();
      return await abortable(answer.promise, options.signal);
    } finally {
      deadline.cancel();
      this.#leave(key, answer);
    }
  }

  #join(key: string, answer: Gate<StoredReply>): void {
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, [answer]);
    else others.push(answer);
    this.#bell ??= this.#engine.bell([`cells:${replySpace(this.#queue)}`], () => this.#look());
    this.#timer ??= this.#setTimer();
  }

  #leave(key: string, answer: Gate<StoredReply>): void {
    const rest = this.#waiting.get(key)?.filter((other) => other !== answer) ?? [];
    if (rest.length > 0) this.#waiting.set(key, rest);
    else this.#waiting.delete(key);
    if (this.#waiting.size > 0) return;
    this.#bell?.[Symbol.dispose]();
    this.#timer?.cancel();
    this.#bell = undefined;
    this.#timer = undefined;
  }

  #setTimer(): Timer {
    return this.#engine.clock.setTimer(lookAgainMs, () => {
      this.#timer = this.#setTimer();
      this.#look();
    });
  }

  #look(): void {
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
      for (const cell of await this.#engine.get(cells)) {
        if (cell === undefined) continue;
        const reply = codec.decode(cell.value);
        for (const answer of this.#waiting.get(cell.key) ?? []) answer.open(reply);
      }
    }
  }
}

export interface AskWait {
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly send: () => Promise<"added" | "existing">;
}
