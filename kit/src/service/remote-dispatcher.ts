import { linkSignals, signalAfter } from "../abort/mod.ts";
import type { Picked } from "../balancer/mod.ts";
import type { Clock } from "../clock/mod.ts";
import {
  type AnyContract,
  type CallPort,
  contractHash,
  contractId,
  type Dispatcher,
  type FeedPage,
  type FeedPort,
  OutcomeUnknownError,
  type QueuePort,
  replyError,
  type Request,
  type Semantics,
  type StreamPort,
  UnavailableError,
} from "../contract/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Directory } from "../registry/mod.ts";
import {
  type Link,
  LinkError,
  LinkReplyError,
  type Links,
  operationAddress,
  type OperationAddress,
  type RequestMessage,
} from "./link.ts";
import { RemoteTarget } from "./remote-target.ts";

/** What a way to other processes is made of. */
export interface RemoteOptions {
  readonly directory: Directory;
  readonly links: Links;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  /** Where this process stands; calls prefer instances of the same zone. */
  readonly zone?: string | undefined;
  /** How long a call waits, within its deadline, for an instance that can be reached. Default 5 s. */
  readonly patienceMs?: number | undefined;
}

/** A dispatcher that holds connections' balancers and subscriptions. */
export interface RemoteDispatcher extends Dispatcher, Disposable {
  /** What is known of the instances of each service that was asked for. */
  describe(): Readonly<Record<string, ReturnType<RemoteTarget["describe"]>>>;
}

/** Instances that one call is sent to at most. */
const attemptsMax = 3;
/** A neighbour that starts or restarts is there by then. */
const patienceDefaultMs = 5_000;
/** Pause between attempts while nobody can be reached. */
const againMs = 250;
const queueDeadlineMs = 10_000;
// Above the time that a feed waits for events at most.
const feedSpareMs = 10_000;

/**
 * Carries requests to services in other processes: deadline, then the instance by the balancer, then the connection. What was certainly not done is
 * tried on another instance, whatever the call; what may have been done is only repeated when its semantics
 * allow it; both within a budget, so that retries never multiply load. Never more than three instances a call.
 */
export function remoteDispatcher(options: RemoteOptions): RemoteDispatcher {
  const targets = new Map<string, RemoteTarget>();
  const targetOf = (contract: AnyContract): RemoteTarget => {
    const id = contractId(contract);
    const known = targets.get(id);
    if (known !== undefined) return known;
    const target = new RemoteTarget(id, { zone: undefined, ...options });
    targets.set(id, target);
    return target;
  };
  const way = (contract: AnyContract): Way => new Way(contract, targetOf(contract), options);
  return {
    call(contract: AnyContract, name: string): CallPort {
      const to = way(contract);
      const { semantics = "unsafe", deadlineMs = 0 } = contract.calls[name] ?? {};
      return (request) => to.call({ kind: "call", name, semantics, deadlineMs }, request);
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const to = way(contract);
      const { deadlineMs = 0 } = contract.streams[name] ?? {};
      return (request) => to.stream(name, deadlineMs, request);
    },
    queue(contract: AnyContract, name: string): QueuePort {
      const to = way(contract);
      const { output, deadlineMs } = contract.queues[name] ?? {};
      const waitMs = output === undefined ? 0 : (deadlineMs ?? 0);
      const operation = { kind: "queue", name, semantics: "keyed", deadlineMs: waitMs + queueDeadlineMs } as const;
      return (request) => to.call(operation, request);
    },
    feed(contract: AnyContract): FeedPort {
      const to = way(contract);
      return async ({ after, limit, names, waitMs, signal }) => {
        const operation = { kind: "feed", name: "", semantics: "safe", deadlineMs: waitMs + feedSpareMs } as const;
        return (await to.call(operation, { input: { after, limit, names, waitMs }, signal })) as FeedPage;
      };
    },
    describe: () => Object.fromEntries(Array.from(targets, ([id, target]) => [id, target.describe()])),
    [Symbol.dispose]() {
      for (const target of targets.values()) target[Symbol.dispose]();
    },
  };
}

interface Operation {
  readonly kind: "call" | "queue" | "feed";
  readonly name: string;
  readonly semantics: Semantics;
  readonly deadlineMs: number;
}

/** The way to one contract. */
class Way {
  readonly #contract: AnyContract;
  readonly #target: RemoteTarget;
  readonly #options: RemoteOptions;
  /** Each way belongs to one operation, so that names are enough. */
  readonly #addresses = new Map<string, OperationAddress>();

  constructor(contract: AnyContract, target: RemoteTarget, options: RemoteOptions) {
    this.#contract = contract;
    this.#target = target;
    this.#options = options;
  }

  async call(operation: Operation, request: Request): Promise<unknown> {
    const { clock, nextId, patienceMs = patienceDefaultMs } = this.#options;
    const id = this.#id(operation.name);
    const limitMs = Math.min(request.withinMs ?? Infinity, operation.deadlineMs);
    const deadlineAtMs = clock.monotonic() + limitMs;
    using ending = endingOf(request);
    const { signal } = ending;
    signal?.throwIfAborted();
    // One key for all attempts, so that they are one call to the service.
    const key = operation.semantics === "keyed" ? (request.key ?? nextId()) : request.key;
    const message = this.#message(operation, { ...request, key });
    this.#target.budget.called();
    const tried: string[] = [];
    const patientUntilMs = clock.monotonic() + patienceMs;
    const length = operation.kind === "feed" ? "long" : "call";
    while (true) {
      const restMs = deadlineAtMs - clock.monotonic();
      if (restMs <= 0) throw new TimeoutError(id, limitMs);
      using pick = await this.#pick(id, request, { tried, restMs, signal, length });
      try {
        return await this.#send(pick, message, { signal, withinMs: deadlineAtMs - clock.monotonic() });
      } catch (error) {
        const unsent = this.#mayRepeat(error, operation, id);
        tried.push(pick.endpoint.id);
        const isUnreachable = error instanceof LinkError && error.what === "not sent";
        if (isUnreachable && clock.monotonic() < patientUntilMs && !this.#target.hasOther(tried, length)) {
          // Nobody can be reached and nothing was begun: a process that restarts is back in a moment, at another address.
          await this.#target.change(Math.min(againMs, deadlineAtMs - clock.monotonic()), signal);
          tried.length = 0;
          continue;
        }
        if (tried.length >= attemptsMax || this.#target.budget.take() === "spent") throw unsent;
      }
    }
  }

  async *stream(name: string, deadlineMs: number, request: Request): AsyncGenerator {
    const id = this.#id(name);
    const restMs = Math.min(request.withinMs ?? Infinity, deadlineMs);
    const tooLate = (): TimeoutError => new TimeoutError(`the first item of ${id}`, restMs);
    if (restMs <= 0) throw tooLate();
    using first = signalAfter(this.#options.clock, restMs, tooLate);
    using ending = linkSignals([request.signal, request.parent?.signal, first.signal]);
    const { signal } = ending;
    signal.throwIfAborted();
    using pick = await this.#pick(id, request, { tried: [], restMs, signal, length: "long" });
    try {
      for await (const item of this.#link(pick).stream(this.#message({ kind: "stream", name }, request), { signal })) {
        first[Symbol.dispose]();
        yield item;
      }
      pick.done("ok");
    } catch (error) {
      if (first.signal.aborted) pick.done("error");
      if (error instanceof LinkReplyError) throw replyError(id, error.reply);
      if (!(error instanceof LinkError)) throw error;
      pick.done("error");
      if (error.what === "not sent") throw new UnavailableError(id, error.message);
      throw new OutcomeUnknownError(id, "allowed", error);
    }
  }

  async #send(pick: Picked, message: RequestMessage, settings: Sending): Promise<unknown> {
    const id = `${message.to.contract}.${message.to.name}`;
    try {
      const reply = await this.#link(pick).call(message, settings);
      pick.done(reply.ok || !speaksAgainst(reply.error.code) ? "ok" : "error");
      if (reply.ok) return reply.output;
      throw replyError(id, reply.error);
    } catch (error) {
      if (error instanceof LinkError || error instanceof TimeoutError) pick.done("error");
      throw error;
    }
  }

  /** Throws what ends the call; returns the error of an attempt that may be repeated elsewhere. */
  #mayRepeat(error: unknown, { semantics }: Operation, id: string): Error {
    if (error instanceof UnavailableError) return error;
    if (!(error instanceof LinkError)) throw error;
    if (error.what === "not sent") return new UnavailableError(id, error.message);
    if (semantics === "unsafe") throw new OutcomeUnknownError(id, "not allowed", error);
    return new OutcomeUnknownError(id, "allowed", error);
  }

  /** An instance; waits a while for a first one. */
  async #pick(id: string, { affinity }: Request, { tried, restMs, signal, length }: Picking): Promise<Picked> {
    const { clock, patienceMs = patienceDefaultMs } = this.#options;
    const untilMs = clock.monotonic() + Math.min(restMs, patienceMs);
    while (true) {
      let pick = this.#target.pick({ key: affinity, except: tried }, length);
      // When all were tried, one of them again: a process that restarts has the same place.
      if (pick.kind === "none" && pick.reason === "excluded") pick = this.#target.pick({ key: affinity }, length);
      if (pick.kind === "picked") return pick;
      const leftMs = untilMs - clock.monotonic();
      if (leftMs <= 0) throw new UnavailableError(id, `no instance to call: ${pick.reason}`);
      await this.#target.change(leftMs, signal);
    }
  }

  #message({ kind, name }: Pick<OperationAddress, "kind" | "name">, request: Request): RequestMessage {
    const { input, key, caller, trace } = request;
    let to = this.#addresses.get(name);
    if (to === undefined) {
      const contract = this.#contract;
      to = operationAddress({ kind, contract: contractId(contract), name, hash: contractHash(contract) });
      this.#addresses.set(name, to);
    }
    return { to, input, key, caller, trace };
  }

  #link({ endpoint }: Picked): Link {
    return this.#options.links(endpoint.address);
  }

  #id(name: string): string {
    return `${contractId(this.#contract)}.${name}`;
  }
}

/** What ends a request from its caller's side: its own signal, and that of the call that it is part of. Most have one of the two. */
function endingOf({ signal, parent }: Request): Disposable & { readonly signal: AbortSignal | undefined } {
  if (signal === undefined) return { signal: parent?.signal, [Symbol.dispose]: () => undefined };
  return parent === undefined ? { signal, [Symbol.dispose]: () => undefined } : linkSignals([signal, parent.signal]);
}

interface Sending {
  readonly signal: AbortSignal | undefined;
  readonly withinMs: number;
}

interface Picking {
  readonly tried: readonly string[];
  readonly restMs: number;
  readonly signal: AbortSignal | undefined;
  readonly length: "call" | "long";
}

/** Whether an answer says that the instance is not well; what a caller did wrong does not. */
function speaksAgainst(code: string): boolean {
  return code === "FAULT" || code === "UNAVAILABLE" || code === "TIMEOUT" || code === "OUTCOME_UNKNOWN";
}
