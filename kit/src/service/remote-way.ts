import { linkSignals, signalAfter } from "../abort/mod.ts";
import {
  type AnyContract,
  contractHash,
  contractId,
  OutcomeUnknownError,
  replyError,
  type Request,
  type Semantics,
  UnavailableError,
} from "../contract/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { type CallContext, deadline, pipeline, type Pipeline } from "../resilience/mod.ts";
import { LinkError, LinkReplyError, operationAddress, type OperationAddress, type RequestMessage } from "./link.ts";
import { NobodyThereError, type RemotePick, type RemoteTarget } from "./remote-target.ts";

/** An operation of a service elsewhere. */
export interface RemoteOperation {
  readonly kind: OperationAddress["kind"];
  readonly name: string;
  readonly semantics: Semantics;
  /** For a whole call; undefined where each request says how long it may take. */
  readonly deadlineMs?: number | undefined;
}

/** The way to one operation: its pipeline, compiled once, and what all requests to it have in common. */
export class RemoteWay {
  /** `orders@1.place`; `orders@1.events` for the feed. */
  readonly id: string;
  readonly operation: RemoteOperation;
  readonly target: RemoteTarget;
  readonly #contract: AnyContract;
  readonly #line: Pipeline;
  #to: OperationAddress | undefined = undefined;

  constructor(contract: AnyContract, operation: RemoteOperation, target: RemoteTarget) {
    const { semantics, deadlineMs } = operation;
    const { clock, random } = target.options;
    this.id = `${contractId(contract)}.${operation.kind === "feed" ? "events" : operation.name}`;
    this.operation = operation;
    this.target = target;
    this.#contract = contract;
    const layers = deadlineMs === undefined ? [target.retry] : [deadline(deadlineMs), target.retry];
    this.#line = pipeline({ name: this.id, semantics, layers, clock, random });
  }

  call(request: Request): Promise<unknown> {
    const { signal, parent, withinMs } = request;
    if (signal !== undefined && parent !== undefined) return this.#callUnderBoth(request);
    const call = new RemoteCall(this, request);
    const answered = this.#line.run((context) => call.attempt(context), { signal: call.signal, withinMs });
    return answered.catch((error: unknown) => call.failed(error));
  }

  /** Items. `firstMs`: how long the first of them may take. */
  async *items(request: Request, firstMs: number): AsyncGenerator {
    const { clock, links } = this.target.options;
    const restMs = Math.min(request.withinMs ?? Infinity, firstMs);
    const tooLate = (): TimeoutError => new TimeoutError(`the first item of ${this.id}`, restMs);
    if (restMs <= 0) throw tooLate();
    using first = signalAfter(clock, restMs, tooLate);
    using ending = linkSignals([request.signal, request.parent?.signal, first.signal]);
    const { signal } = ending;
    const where = { affinity: request.affinity, tried: [], length: "long" } as const;
    using pick = await this.#line.run(() => this.target.pick(this.id, where), { signal, withinMs: restMs });
    try {
      for await (const item of links(pick.endpoint.address).stream(this.message(request), { signal })) {
        first[Symbol.dispose]();
        yield item;
      }
      pick.done("ok");
    } catch (error) {
      if (first.signal.aborted) pick.done("error");
      if (error instanceof LinkReplyError) throw replyError(this.id, error.reply);
      if (!(error instanceof LinkError)) throw error;
      pick.done("error");
      throw unanswered(error, this);
    }
  }

  /** The request as all attempts send it: under one key, so that they are one call to the service. */
  message({ input, key, caller, trace }: Request): RequestMessage {
    const { kind, name, semantics } = this.operation;
    const contract = this.#contract;
    this.#to ??= operationAddress({ kind, contract: contractId(contract), name, hash: contractHash(contract) });
    const one = semantics === "keyed" ? (key ?? this.target.options.nextId()) : key;
    return { to: this.#to, input, key: one, caller, trace };
  }

  /** Few requests have a signal of their own beside the call that they are part of. */
  async #callUnderBoth(request: Request): Promise<unknown> {
    using ending = linkSignals([request.signal, request.parent?.signal]);
    return await this.call({ ...request, signal: ending.signal, parent: undefined });
  }
}

/** One call, over all its attempts. */
class RemoteCall {
  readonly signal: AbortSignal | undefined;
  readonly #way: RemoteWay;
  readonly #message: RequestMessage;
  readonly #where: RemotePick & { readonly tried: string[] };
  /** What an attempt ended with that may have been carried out. */
  #doubt: OutcomeUnknownError | undefined;

  constructor(way: RemoteWay, request: Request) {
    this.signal = request.signal ?? request.parent?.signal;
    this.#way = way;
    this.#message = way.message(request);
    this.#where = { affinity: request.affinity, tried: [], length: way.operation.kind === "feed" ? "long" : "call" };
  }

  async attempt(context: CallContext): Promise<unknown> {
    const { id, target } = this.#way;
    using pick = target.pick(id, this.#where);
    try {
      const settings = { signal: this.signal, withinMs: context.remainingMs() };
      const reply = await target.options.links(pick.endpoint.address).call(this.#message, settings);
      pick.done(reply.ok || !speaksAgainst(reply.error.code) ? "ok" : "error");
      if (reply.ok) return reply.output;
      throw replyError(id, reply.error);
    } catch (error) {
      if (error instanceof LinkError || error instanceof TimeoutError) pick.done("error");
      this.#where.tried.push(pick.endpoint.id);
      throw error instanceof LinkError ? this.#unanswered(error) : error;
    }
  }

  /** That the last attempt was certainly not carried out says nothing of those before. */
  failed(error: unknown): never {
    throw error instanceof UnavailableError ? (this.#doubt ?? error) : error;
  }

  #unanswered(error: LinkError): Error {
    const { id, target } = this.#way;
    if (error.what === "lost" || target.hasOther(this.#where)) {
      const told = unanswered(error, this.#way);
      if (told instanceof OutcomeUnknownError) this.#doubt = told;
      return told;
    }
    // From the beginning, in a moment: a process that restarts has the same place.
    this.#where.tried.length = 0;
    return new NobodyThereError(id, error.message);
  }
}

function unanswered(error: LinkError, { id, operation }: RemoteWay): Error {
  if (error.what === "not sent") return new UnavailableError(id, error.message);
  return new OutcomeUnknownError(id, operation.semantics === "unsafe" ? "not allowed" : "allowed", error);
}

/** Whether an answer says that the instance is not well; what a caller did wrong does not. */
function speaksAgainst(code: string): boolean {
  return code === "FAULT" || code === "UNAVAILABLE" || code === "TIMEOUT" || code === "OUTCOME_UNKNOWN";
}
