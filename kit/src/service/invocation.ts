import type { Clock } from "../clock/mod.ts";
import type { Caller, Request } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { CommitEnd, CommitWork, HeardSoFar } from "./handler-context.ts";
import type { Handling, OperationFacts } from "./hosting.ts";
import type { Log } from "./log.ts";
import { type HeldSignal, linkSignals } from "../abort/mod.ts";

/** Stores the answer of a keyed call together with its changes. */
export type AnswerCommit = (work: CommitWork<unknown>) => Promise<CommitEnd<unknown>>;

/**
 * One call being handled, and the argument of its handler. All that a handler may not ask for is made when first asked for: signal, clients
 * and log. Ends once, at whichever comes first: the handler's end, the deadline, the caller's signal.
 */
export class Invocation implements Handling {
  readonly operation: OperationFacts;
  readonly input: unknown;
  readonly request: Request;
  readonly deadlineAtMs: number;
  readonly key: string | undefined;
  answerCommit: AnswerCommit | undefined = undefined;
  readonly #reject: (reason: Error) => void;
  #needs: object | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #sources: HeldSignal | undefined = undefined;
  #stopReason: Error | undefined = undefined;
  #state: "running" | "given up" | "ended" = "running";

  constructor(operation: OperationFacts, request: Request, begun: Begun) {
    this.operation = operation;
    this.request = request;
    this.input = begun.input;
    this.key = begun.key;
    this.deadlineAtMs = begun.deadlineAtMs;
    this.#reject = begun.reject;
  }

  get needs(): object {
    return (this.#needs ??= this.operation.host.needs(this));
  }

  get fail(): object {
    return this.operation.fail;
  }

  get own(): unknown {
    return this.operation.host.own;
  }

  get engine(): Engine {
    return this.operation.host.engine;
  }

  get emit(): object {
    return this.operation.host.emit;
  }

  get enqueue(): object {
    return this.operation.host.enqueue;
  }

  get clock(): Clock {
    return this.operation.host.clock;
  }

  get random(): Random {
    return this.operation.host.random;
  }

  get log(): Log {
    return this.operation.host.logOf(this.operation, this.request.trace);
  }

  get heard(): (need: string) => Promise<HeardSoFar> {
    return (need) => this.operation.host.subscriptions.heard(need);
  }

  get caller(): Caller | undefined {
    return this.request.caller;
  }

  get trace(): string | undefined {
    return this.request.trace;
  }

  get remainingMs(): number {
    return Math.max(0, this.deadlineAtMs - this.operation.host.clock.monotonic());
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = (this.#controller = new AbortController());
    if (this.#stopReason !== undefined) controller.abort(this.#stopReason);
    else if (this.#state === "running") this.#listen(controller);
    return controller.signal;
  }

  /** Without `this`, so that a handler can take it out of its argument. */
  get commit(): AnswerCommit {
    return this.answerCommit ?? this.operation.host.commit;
  }

  /** Why nobody waits any longer; undefined while somebody does. */
  get stopReason(): Error | undefined {
    return this.#stopReason;
  }

  expire(): void {
    this.stop(this.timeout());
  }

  /** What the caller is told when his time is over. */
  timeout(): TimeoutError {
    const { deadlineMs } = this.operation.call;
    return new TimeoutError(this.operation.id, Math.min(this.request.withinMs ?? deadlineMs, deadlineMs));
  }

  /** The caller gets `reason` now; the handler is told by its signal, and what it still does is nobody's answer. */
  stop(reason: Error): "stopped" | "too late" {
    if (this.#state !== "running") return "too late";
    this.#state = "given up";
    this.#stopReason = reason;
    this.#sources?.[Symbol.dispose]();
    this.#controller?.abort(reason);
    this.#reject(reason);
    return "stopped";
  }

  /** The handler has ended. Whether somebody still waits for its answer. */
  end(): boolean {
    this.#sources?.[Symbol.dispose]();
    if (this.#state !== "running") return false;
    this.#state = "ended";
    return true;
  }

  #listen(controller: AbortController): void {
    const { signal, parent } = this.request;
    const inherited = parent?.signal;
    if (signal === undefined && inherited === undefined) return;
    const held = (this.#sources = linkSignals([signal, inherited]));
    const onAbort = (): void => controller.abort(held.signal.reason);
    if (held.signal.aborted) onAbort();
    else held.signal.addEventListener("abort", onAbort, { once: true });
  }
}

/** What is known of a call when its handler begins. */
export interface Begun {
  readonly input: unknown;
  readonly key: string | undefined;
  readonly deadlineAtMs: number;
  readonly reject: (reason: Error) => void;
}
