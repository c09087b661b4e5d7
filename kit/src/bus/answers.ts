import { abortable, gate, type Gate, signalAfter } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { integerIn } from "../errors/mod.ts";
import type { RequestOptions } from "./bus.ts";
import { BusError } from "./errors.ts";

/** How an answer travels. */
export type Answer = { readonly ok: string } | { readonly failed: string };

/** Requests that wait for their answers, by id. */
export class Answers {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Gate<Answer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a request and waits for its answer. `send` is given nothing but time: its failure is the request's. */
  async ask(
    question: { readonly id: string; readonly subject: string; readonly send: () => Promise<void> },
    { withinMs, signal }: RequestOptions,
  ): Promise<string> {
    signal?.throwIfAborted();
    integerIn("withinMs", withinMs, { min: 1, max: 3_600_000 });
    const { id, subject, send } = question;
    const answered = gate<Answer>();
    this.#waiting.set(id, answered);
    const late = (): BusError => new BusError("no-answer", `nobody answered "${subject}" within ${withinMs} ms`);
    using limit = signalAfter(this.#clock, withinMs, late);
    const either = signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]);
    try {
      await abortable(send(), either);
      const answer = await abortable(answered.promise, either);
      if ("failed" in answer) throw new BusError("failed", `"${subject}": ${answer.failed}`);
      return answer.ok;
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** An answer came; one that nobody waits for is dropped. */
  take(id: string, answer: Answer): void {
    this.#waiting.get(id)?.open(answer);
  }

  /** Ends all that wait. */
  close(reason: Error): void {
    for (const waiting of this.#waiting.values()) {
      waiting.promise.catch(() => undefined);
      waiting.fail(reason);
    }
  }
}

/** What a responder makes of a request. */
export async function answerOf(work: () => string | Promise<string>): Promise<Answer> {
  try {
    return { ok: await work() };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
