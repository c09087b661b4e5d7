import {
  AccessError,
  type AnyCall,
  type CallError,
  contractId,
  type AnyContract,
  DeclaredError,
  FaultError,
  KeyReusedError,
  type Request,
  UnavailableError,
} from "../contract/mod.ts";
import { isRetryable, TimeoutError } from "../errors/mod.ts";
import { ValidationError, validateSync } from "../schema/mod.ts";
import { type ServiceCallEvent, telemetryChannel } from "../telemetry/mod.ts";
import { CallRate } from "./call-rate.ts";
import { failOf } from "./fail-of.ts";
import { Invocation } from "./invocation.ts";
import type { KeyedAnswers } from "./keyed-answers.ts";
import type { Hosting, OperationFacts } from "./hosting.ts";

const ended = telemetryChannel("ashlar.service.call");
const keyLengthMax = 255;
const keyIssues = [{ path: "", message: `expected 1 to ${keyLengthMax} characters` }];

/** How a handler is called; its context is typed where it was declared. */
export type CallHandler = (context: never) => unknown;

/**
 * A call of a contract with its guards and its handler, in one process. The order of the guards is fixed: is the service open, is there
 * room, may the caller, not too often, is there time left, is the input valid, was it answered before under this key. Each
 * refuses before anything is done. About 1 us a call beside the handler and the schemas.
 */
export class HostedOperation implements OperationFacts {
  /** `orders@1.place` */
  readonly id: string;
  readonly name: string;
  readonly call: AnyCall;
  readonly host: Hosting;
  readonly fail: object;
  readonly #handle: (invocation: Invocation) => unknown;
  readonly #rate: CallRate | undefined;
  readonly #answers: KeyedAnswers | undefined;

  constructor(host: Hosting, parts: OperationParts) {
    const { contract, name, handler, answers } = parts;
    const call = contract.calls[name];
    if (call === undefined) throw new TypeError(`${contractId(contract)} has no call ${name}`);
    this.id = `${contractId(contract)}.${name}`;
    this.name = name;
    this.call = call;
    this.host = host;
    this.fail = failOf(this.id, call);
    this.#handle = handler as (context: unknown) => unknown;
    this.#rate = call.rateLimit === undefined ? undefined : new CallRate(this.id, call.rateLimit, host.clock);
    this.#answers = answers;
  }

  /** Answers one request. Rejects with a CallError, or with the reason of the request's signal. */
  invoke(request: Request): Promise<unknown> {
    const refusal = this.host.refusal(this.id) ?? this.#refusal(request);
    if (refusal !== undefined) return this.#refused(refusal);
    const { signal, withinMs = Infinity, key: given } = request;
    const { deadlineMs } = this.call;
    if (withinMs <= 0) return this.#refused(new TimeoutError(this.id, 0));
    if (given !== undefined && (given.length === 0 || given.length > keyLengthMax))
      return this.#refused(new ValidationError(`the key of ${this.id}`, keyIssues));
    const startedAtMs = this.host.clock.monotonic();
    const validation = validateSync(this.call.input, request.input);
    if (!validation.ok) return this.#refused(new ValidationError(`the input of ${this.id}`, validation.issues));
    // Also the schema's own code may have taken its time, or the caller's patience.
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const key = this.call.semantics === "keyed" ? (given ?? this.host.nextId()) : given;
    const deadlineAtMs = startedAtMs + (withinMs < deadlineMs ? withinMs : deadlineMs);
    return new Promise((resolve, reject) => {
      const invocation = new Invocation(this, request, { input: validation.value, key, deadlineAtMs, reject });
      this.host.begin(invocation);
      void this.#run(invocation, { resolve, reject, startedAtMs });
    });
  }

  async #run(invocation: Invocation, { resolve, reject, startedAtMs }: Waiting): Promise<void> {
    const { signal } = invocation.request;
    const onAbort =
      signal === undefined ? undefined : (): void => this.host.abandon(invocation, signal.reason as Error);
    if (onAbort !== undefined) signal?.addEventListener("abort", onAbort, { once: true });
    let outcome: ServiceCallEvent["outcome"] = "ok";
    try {
      const answers = this.#answers;
      const answer =
        answers === undefined
          ? this.checked(await this.#handle(invocation))
          : await answers.once(invocation, () => this.#handle(invocation));
      if (this.host.end(invocation)) resolve(answer);
    } catch (thrown) {
      const error = this.#callError(thrown, invocation);
      outcome = error.code;
      if (this.host.end(invocation)) reject(error);
    } finally {
      const { stopReason } = invocation;
      if (stopReason !== undefined) outcome = stopReason instanceof TimeoutError ? stopReason.code : "GIVEN_UP";
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    }
    if (ended.active)
      ended.publish({ operation: this.id, outcome, durationMs: this.host.clock.monotonic() - startedAtMs });
  }

  #refusal(request: Request): CallError | undefined {
    const { access } = this.call;
    const { caller } = request;
    if (access !== "public") {
      if (caller === undefined) return new AccessError(this.id, "unknown caller");
      if (access !== "known callers" && !access.roles.some((role) => caller.roles.includes(role)))
        return new AccessError(this.id, "missing role");
    }
    return this.#rate?.refusal(caller?.id);
  }

  #refused(refusal: CallError): Promise<never> {
    if (ended.active) ended.publish({ operation: this.id, outcome: refusal.code, durationMs: 0 });
    return Promise.reject(refusal);
  }

  /** What the contract makes of a handler's output; throws ValidationError. */
  checked(output: unknown): unknown {
    const validation = validateSync(this.call.output, output);
    if (validation.ok) return validation.value;
    throw new ValidationError(`the output of ${this.id}`, validation.issues);
  }

  /** Only what the contract declares leaves the service as it is. */
  #callError(error: unknown, invocation: Invocation): CallError {
    const isOurKind =
      error instanceof DeclaredError || error instanceof KeyReusedError || error instanceof UnavailableError;
    if (isOurKind && error.operation === this.id) return error;
    // A call further on has the same time left, and its timer may be the first to ring.
    if (error instanceof TimeoutError && invocation.remainingMs < 1) return invocation.timeout();
    const reference = this.host.nextId();
    // A handler that ends with its signal, as it should, has not failed.
    const { stopReason } = invocation;
    if (stopReason === undefined || error !== stopReason)
      this.host.logOf(this, invocation.trace).error("the call failed", { error, reference });
    return new FaultError(this.id, reference, { retryable: isRetryable(error), cause: error });
  }
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly startedAtMs: number;
}

/** What an operation is made of. */
export interface OperationParts {
  readonly contract: AnyContract;
  readonly name: string;
  readonly handler: CallHandler;
  /** For keyed calls. */
  readonly answers: KeyedAnswers | undefined;
}
