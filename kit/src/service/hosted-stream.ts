import { abortable, linkSignals, signalAfter } from "../abort/mod.ts";
import {
  AccessError,
  type CallError,
  DeclaredError,
  FaultError,
  OutcomeUnknownError,
  type Request,
  type Stream,
} from "../contract/mod.ts";
import { isRetryable, TimeoutError } from "../errors/mod.ts";
import { parseSync, ValidationError, validateSync } from "../schema/mod.ts";
import { CallRate } from "./call-rate.ts";
import { failOf } from "./fail-of.ts";
import type { Log } from "./log.ts";
import type { Hosting } from "./hosting.ts";

/** A stream of a contract with its guards and its handler, in one process. */
export class HostedStream {
  readonly id: string;
  readonly stream: Stream;
  readonly #host: Hosting;
  readonly #handle: (context: unknown) => AsyncIterable<unknown>;
  readonly #fail: object;
  readonly #rate: CallRate | undefined;

  constructor(host: Hosting, name: string) {
    const { contract, handlers } = host.implementation;
    const stream = contract.streams[name];
    const handler = handlers[name];
    if (stream === undefined || handler === undefined) throw new TypeError(`${host.id} has no stream ${name}`);
    this.id = `${host.id}.${name}`;
    this.stream = stream;
    this.#host = host;
    this.#handle = handler as (context: unknown) => AsyncIterable<unknown>;
    this.#fail = failOf(this.id, stream);
    this.#rate = stream.rateLimit === undefined ? undefined : new CallRate(this.id, stream.rateLimit, host.clock);
  }

  /** The items. Throws a CallError, or the reason of the request's signal; an OutcomeUnknownError when the service closes before the end. */
  async *invoke(request: Request): AsyncGenerator {
    const refusal = this.#host.refusal(this.id) ?? this.#refusal(request);
    if (refusal !== undefined) throw refusal;
    const limitMs = Math.min(request.withinMs ?? Infinity, this.stream.deadlineMs);
    if (limitMs <= 0) throw this.#tooLate(0);
    const validation = validateSync(this.stream.input, request.input);
    if (!validation.ok) throw new ValidationError(`the input of ${this.id}`, validation.issues);
    request.signal?.throwIfAborted();
    request.parent?.signal.throwIfAborted();
    using first = signalAfter(this.#host.clock, limitMs, () => this.#tooLate(limitMs));
    using signals = linkSignals([request.signal, request.parent?.signal, this.#host.closing, first.signal]);
    const log = this.#host.logOf(this, request.trace);
    const { caller } = request;
    const more = { own: this.#host.own, fail: this.#fail, caller, signal: signals.signal, log };
    const context = Object.assign(this.#host.shared(), more, { input: validation.value });
    let items: AsyncIterator<unknown> | undefined;
    this.#host.entered();
    try {
      items = this.#handle(context)[Symbol.asyncIterator]();
      while (true) {
        const next = await abortable(items.next(), signals.signal);
        first[Symbol.dispose]();
        if (signals.signal.aborted) throw signals.signal.reason;
        if (next.done === true) return;
        yield parseSync(this.stream.output, next.value, `an item of ${this.id}`);
      }
    } catch (error) {
      throw signals.signal.aborted ? this.#cutBy(signals.signal) : this.#callError(error, log);
    } finally {
      const ended = this.#end(items, log);
      // Whoever is released does not wait for a handler that does not heed its signal.
      if (!signals.signal.aborted) await ended;
    }
  }

  /** Ends the handler; the stream is in flight until it has ended. */
  async #end(items: AsyncIterator<unknown> | undefined, log: Log): Promise<void> {
    try {
      await items?.return?.();
    } catch (error) {
      log.error("the stream failed when it was left", { error });
    } finally {
      this.#host.left();
    }
  }

  #cutBy({ reason }: AbortSignal): unknown {
    return reason === this.#host.closing.reason ? new OutcomeUnknownError(this.id, "allowed", reason) : reason;
  }

  #refusal({ caller }: Request): CallError | undefined {
    const { access } = this.stream;
    if (access !== "public" && caller === undefined) return new AccessError(this.id, "unknown caller");
    if (typeof access === "object" && !access.roles.some((role) => caller?.roles.includes(role)))
      return new AccessError(this.id, "missing role");
    return this.#rate?.refusal(caller?.id);
  }

  #tooLate(limitMs: number): TimeoutError {
    return new TimeoutError(`the first item of ${this.id}`, limitMs);
  }

  #callError(error: unknown, log: Log): CallError {
    if (error instanceof DeclaredError && error.operation === this.id) return error;
    const reference = this.#host.nextId();
    log.error("the stream failed", { error, reference });
    return new FaultError(this.id, reference, { retryable: isRetryable(error), cause: error });
  }
}
