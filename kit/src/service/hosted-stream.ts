import { linkSignals } from "../abort/mod.ts";
import {
  AccessError,
  type CallError,
  FaultError,
  DeclaredError,
  RateLimitError,
  type Request,
  type Stream,
} from "../contract/mod.ts";
import { isRetryable, TimeoutError } from "../errors/mod.ts";
import { parseSync, ValidationError, validateSync } from "../schema/mod.ts";
import { failOf } from "./fail-of.ts";
import type { Log } from "./log.ts";
import { RateGate } from "./rate-gate.ts";
import type { Hosting } from "./hosting.ts";

/** A stream of a contract with its guards and its handler, in one process. */
export class HostedStream {
  readonly id: string;
  readonly stream: Stream;
  readonly #host: Hosting;
  readonly #handle: (context: unknown) => AsyncIterable<unknown>;
  readonly #fail: object;
  readonly #rate: RateGate | undefined;

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
    this.#rate = stream.rateLimit === undefined ? undefined : new RateGate(host.clock, stream.rateLimit);
  }

  /** The items. Throws a CallError; ends without one when the request's signal is aborted or the service closes. */
  async *invoke(request: Request): AsyncGenerator {
    const refusal = this.#host.refusal(this.id) ?? this.#refusal(request);
    if (refusal !== undefined) throw refusal;
    const validation = validateSync(this.stream.input, request.input);
    if (!validation.ok) throw new ValidationError(`the input of ${this.id}`, validation.issues);
    this.#host.entered();
    const first = this.#firstItemLimit(request);
    using signals = linkSignals([request.signal, request.parent?.signal, this.#host.closing, first.signal]);
    const log = this.#host.logOf(this, request.trace);
    const context = Object.assign(this.#host.shared(), {
      input: validation.value,
      own: this.#host.own,
      fail: this.#fail,
      caller: request.caller,
      signal: signals.signal,
      log,
    });
    try {
      for await (const item of this.#handle(context)) {
        first.stop();
        if (signals.signal.aborted) break;
        yield parseSync(this.stream.output, item, `an item of ${this.id}`);
      }
    } catch (error) {
      if (!signals.signal.aborted) throw this.#callError(error, log);
    } finally {
      first.stop();
      this.#host.left();
    }
    if (first.signal.aborted) throw first.signal.reason;
  }

  #refusal({ caller }: Request): CallError | undefined {
    const { access } = this.stream;
    if (access !== "public" && caller === undefined) return new AccessError(this.id, "unknown caller");
    if (typeof access === "object" && !access.roles.some((role) => caller?.roles.includes(role)))
      return new AccessError(this.id, "missing role");
    const retryAfterMs = this.#rate?.retryAfterMs(caller?.id) ?? 0;
    return retryAfterMs === 0 ? undefined : new RateLimitError(this.id, retryAfterMs);
  }

  #firstItemLimit({ withinMs = Infinity }: Request): { readonly signal: AbortSignal; stop(): void } {
    const limitMs = Math.min(withinMs, this.stream.deadlineMs);
    const controller = new AbortController();
    const expire = (): void => controller.abort(new TimeoutError(`the first item of ${this.id}`, limitMs));
    const timer = this.#host.clock.setTimer(limitMs, expire, { holdsProcess: "no" });
    return { signal: controller.signal, stop: () => timer.cancel() };
  }

  #callError(error: unknown, log: Log): CallError {
    if (error instanceof DeclaredError && error.operation === this.id) return error;
    const reference = this.#host.nextId();
    log.error("the stream failed", { error, reference });
    return new FaultError(this.id, reference, { retryable: isRetryable(error), cause: error });
  }
}
