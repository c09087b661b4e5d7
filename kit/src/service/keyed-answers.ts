import { canonicalJson, fingerprint, jsonCodec } from "../codec/mod.ts";
import { DeclaredError, type ErrorReply, errorReply, KeyReusedError, replyError } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { textOf, UnsupportedError } from "../errors/mod.ts";
import type { CommitEnd, CommitWork } from "./handler-context.ts";
import type { OperationFacts } from "./hosting.ts";
import type { Invocation } from "./invocation.ts";

/** As it is stored. */
interface Answer {
  readonly input: string;
  readonly output?: unknown;
  readonly error?: ErrorReply;
}

interface UnderWay {
  readonly input: string;
  readonly answer: Promise<unknown>;
  readonly first: Invocation;
}

const dayMs = 86_400_000;
/** So that it fits into the name of a cell, beside the key. */
const callerLengthMax = 250;
// Refuses what JSON would change, so that a repeat gets what the first got.
const codec = jsonCodec<Answer>();

/**
 * Answers of keyed calls, kept durably for a day: a repeat by the same caller with the same key and input gets the first answer, and one with another input is
 * refused. Requests with one key at once share one handling within a process. A handler that commits with its context acts once, whatever
 * dies and wherever the repeat arrives, because the answer and the changes are one commit that expects no answer yet; one
 * that does not may act again when the process dies before its answer is stored.
 */
export class KeyedAnswers {
  readonly #engine: Engine;
  readonly #space: string;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(engine: Engine, operationId: string) {
    this.#engine = engine;
    this.#space = `answers:${operationId}`;
  }

  /** The answer under the key of the invocation: the stored one, that of the request under way, or the one of `handle`. */
  async once(invocation: Invocation, handle: () => unknown): Promise<unknown> {
    const { operation } = invocation;
    const key = keyOf(invocation);
    const { input: given } = invocation.request;
    const input = given === undefined ? "nothing" : fingerprint(canonicalJson(given));
    for (let other = this.#underWay.get(key); other !== undefined; other = this.#underWay.get(key)) {
      if (other.input !== input) throw new KeyReusedError(operation.id);
      try {
        return await other.answer;
      } catch (error) {
        // Who was first gave up, and his handler with him. That is no answer to who still waits: one of those is the first now.
        if (other.first.stopReason === undefined || invocation.stopReason !== undefined) throw error;
      }
    }
    const answer = this.#first(invocation, input, handle);
    this.#underWay.set(key, { input, answer, first: invocation });
    try {
      return await answer;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #first(invocation: Invocation, input: string, handle: () => unknown): Promise<unknown> {
    const { operation } = invocation;
    const stored = await this.#stored(invocation);
    if (stored !== undefined) return answered(operation, stored, input);
    let committed: { readonly output: unknown } | undefined;
    let isCommitting = false;
    invocation.answerCommit = async (work) => {
      // The engine would take a second one for a repeat of the first, and drop its changes without a word.
      if (isCommitting || committed !== undefined)
        throw new UnsupportedError("a second commit", operation.id, "put all changes into one commit");
      isCommitting = true;
      try {
        const end = await this.#commit(invocation, input, work);
        if (end.committed) committed = { output: end.output };
        return end;
      } finally {
        isCommitting = false;
      }
    };
    try {
      const output = await handle();
      if (committed !== undefined) return committed.output;
      return await this.#store(invocation, { input, output: operation.checked(output) });
    } catch (error) {
      if (!(error instanceof DeclaredError) || error.operation !== operation.id || error.retryable) throw error;
      return await this.#store(invocation, { input, error: errorReply(error) });
    }
  }

  async #stored(invocation: Invocation): Promise<Answer | undefined> {
    const [cell] = await this.#engine.get([{ space: this.#space, key: keyOf(invocation) }]);
    return cell === undefined ? undefined : codec.decode(cell.value);
  }

  /** Stores the answer of a handler that has committed nothing, or gives the one that another process has stored meanwhile. */
  async #store(invocation: Invocation, answer: Answer): Promise<unknown> {
    const result = await this.#engine.commit([this.#put(invocation, answer)]);
    const { operation } = invocation;
    if (result.committed) return answered(operation, answer, answer.input);
    const stored = await this.#stored(invocation);
    return answered(operation, stored ?? answer, answer.input);
  }

  async #commit(invocation: Invocation, input: string, work: CommitWork<unknown>): Promise<CommitEnd<unknown>> {
    const { operation } = invocation;
    const output = operation.checked(work.output);
    const changes = [this.#put(invocation, { input, output }), ...work.changes];
    const result = await this.#engine.commit(changes);
    if (result.committed) return { committed: true, output };
    if (result.index !== 0) return result;
    // Another process was first: its answer is the answer, and nothing of this one was applied.
    const stored = await this.#stored(invocation);
    return stored === undefined ? result : { committed: true, output: answered(operation, stored, input) };
  }

  #put(invocation: Invocation, answer: Answer): Extract<CommitWork<unknown>["changes"][number], { op: "put" }> {
    const cell = { space: this.#space, key: keyOf(invocation) };
    return { op: "put", cell, expect: "absent", value: codec.encode(answer), expiresInMs: dayMs };
  }
}

/** Each caller has keys of his own: who guesses another's key learns nothing. Those who are not known share theirs. */
function keyOf({ key = "", caller }: Invocation): string {
  if (caller === undefined) return `:${key}`;
  const id = textOf("caller.id", caller.id, { lengthMax: callerLengthMax });
  return `${id.length}:${id}${key}`;
}

/** What a stored answer means to who asks with this input. */
function answered(operation: OperationFacts, answer: Answer, input: string): unknown {
  if (answer.input !== input) throw new KeyReusedError(operation.id);
  if (answer.error !== undefined) throw replyError(operation.id, answer.error);
  return answer.output;
}
