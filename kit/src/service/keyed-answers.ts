import { canonicalJson, fingerprint } from "../codec/mod.ts";
import { DeclaredError, type ErrorReply, errorReply, KeyReusedError, replyError } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { CommitEnd, CommitWork } from "./handler-context.ts";
import type { OperationFacts } from "./hosting.ts";
import type { Invocation } from "./invocation.ts";

/** As it is stored. */
interface Answer {
  readonly input: string;
  readonly output?: unknown;
  readonly error?: ErrorReply;
}

const dayMs = 86_400_000;

/**
 * Answers of keyed calls, kept durably for a day: a repeat with the same key and input gets the first answer, and one with another input is
 * refused. Requests with one key at once share one handling within a process. A handler that commits with its context acts once, whatever
 * dies and wherever the repeat arrives, because the answer and the changes are one commit that expects no answer yet; one
 * that does not may act again when the process dies before its answer is stored.
 */
export class KeyedAnswers {
  readonly #engine: Engine;
  readonly #space: string;
  readonly #underWay = new Map<string, { readonly input: string; readonly answer: Promise<unknown> }>();

  constructor(engine: Engine, operationId: string) {
    this.#engine = engine;
    this.#space = `answers:${operationId}`;
  }

  /** The answer under the key of the invocation: the stored one, that of the request under way, or the one of `handle`. */
  async once(invocation: Invocation, handle: () => unknown): Promise<unknown> {
    const { operation, key = "" } = invocation;
    const input = fingerprint(canonicalJson(invocation.request.input));
    const other = this.#underWay.get(key);
    if (other !== undefined) {
      if (other.input !== input) throw new KeyReusedError(operation.id);
      return await other.answer;
    }
    const answer = this.#first(invocation, input, handle);
    this.#underWay.set(key, { input, answer });
    try {
      return await answer;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #first(invocation: Invocation, input: string, handle: () => unknown): Promise<unknown> {
    const { operation } = invocation;
    const stored = await this.#stored(invocation);
    if (stored !== undefined) return given(operation, stored, input);
    let committed: { readonly output: unknown } | undefined;
    invocation.answerCommit = async (work) => {
      const end = await this.#commit(invocation, input, work);
      if (end.committed) committed = { output: end.output };
      return end;
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

  async #stored({ key = "" }: Invocation): Promise<Answer | undefined> {
    const [cell] = await this.#engine.get([{ space: this.#space, key }]);
    return cell === undefined ? undefined : (JSON.parse(cell.value) as Answer);
  }

  /** Stores the answer of a handler that has committed nothing, or gives the one that another process has stored meanwhile. */
  async #store(invocation: Invocation, answer: Answer): Promise<unknown> {
    const result = await this.#engine.commit([this.#put(invocation, answer)]);
    const { operation } = invocation;
    if (result.committed) return given(operation, answer, answer.input);
    const stored = await this.#stored(invocation);
    return given(operation, stored ?? answer, answer.input);
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
    return stored === undefined ? result : { committed: true, output: given(operation, stored, input) };
  }

  #put({ key = "" }: Invocation, answer: Answer): Extract<CommitWork<unknown>["changes"][number], { op: "put" }> {
    const cell = { space: this.#space, key };
    return { op: "put", cell, expect: "absent", value: JSON.stringify(answer), expiresInMs: dayMs };
  }
}

/** What a stored answer means to who asks with this input. */
function given(operation: OperationFacts, answer: Answer, input: string): unknown {
  if (answer.input !== input) throw new KeyReusedError(operation.id);
  if (answer.error !== undefined) throw replyError(operation.id, answer.error);
  return answer.output;
}
