// One promise for all layers: an async frame for each would cost 46 ns, a timer 280, a listener 210. The first attempt runs without any frame:
// its guards are entered and left in plain loops, and its end settles the caller's promise. Whatever waits anyway (a queue, a pause, a hedge, a
// fallback) or is rare goes on in one async frame.
import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { Attempt } from "./attempt.ts";
import type { Breaker } from "./breaker.ts";
import { Call, type CallOptions } from "./call.ts";
import type { Work } from "./call-context.ts";
import { orderLayers, type PipelineWarning, type Semantics, warningsOf } from "./check-order.ts";
import { refusedError } from "./errors.ts";
import { hedged } from "./hedge-race.ts";
import type { FallbackLayer, Layer } from "./layers.ts";
import type { Failure, Outcome } from "./outcome.ts";
import { passed } from "./passed.ts";
import type { Guard } from "./guard.ts";
import type { Plan } from "./plan.ts";
import type { Refusal } from "./refusal.ts";
import { nothingBefore } from "./retries.ts";
import { retryAfterOf } from "./retry-after.ts";
import { Timeouts } from "./timeouts.ts";
import type { Judge } from "./verdict.ts";

const called = telemetryChannel("ashlar.resilience.call");

/** What a pipeline is made of. */
export interface PipelineOptions {
  /** In errors, telemetry and reports. */
  readonly name: string;
  /** From the outside in: fallback, deadline, retry, hedge, guards, timeout; each may be missing. */
  readonly layers: readonly Layer[];
  /** What a repeat of the work does. A hedge needs to know; a retry of unsafe work is a warning. */
  readonly semantics?: Semantics | undefined;
  /** Says which ends are failures. Default: that of its breaker, else errors are. */
  readonly judge?: Judge | undefined;
  /** Default `tell`: warnings are in `describe()`. `refuse` makes each a ConfigError. */
  readonly warnings?: "tell" | "refuse" | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A pipeline at a glance. */
export interface PipelineReport {
  readonly name: string;
  /** From the outside in. */
  readonly layers: readonly string[];
  readonly warnings: readonly PipelineWarning[];
}

export type { Pipeline };

/**
 * Compiles policies, written from the outside in, to one async function. Orders that cannot work throw ConfigError; orders that are mostly mistakes
 * are warnings. A pipeline holds no state of its own: what is shared (breaker, bulkhead, budget) is made once and passed in.
 */
export function pipeline(options: PipelineOptions): Pipeline {
  const { clock = systemClock, random = systemRandom, semantics, warnings = "tell" } = options;
  const name = textOf("name", options.name);
  const ordered = orderLayers(options.layers, semantics);
  const found = warningsOf(ordered, semantics);
  const [first] = found;
  if (warnings === "refuse" && first !== undefined) throw new ConfigError("layers", first.rule, first.text);
  const { fallback, outer, retry, hedge, guards } = ordered;
  const timeoutMs = ordered.timeout?.ms ?? Infinity;
  const deadlineMs = ordered.deadline?.ms ?? Infinity;
  const breaker = [...outer, ...guards].find((guard) => guard.kind === "breaker") as Breaker | undefined;
  const isTimed =
    timeoutMs !== Infinity ||
    deadlineMs !== Infinity ||
    (retry !== undefined && (retry.totalMaxMs !== Infinity || retry.patience !== undefined));
  const timeouts = new Timeouts(clock);
  const judge = options.judge ?? breaker?.judge;
  return new Pipeline(
    { name, clock, random, judge, fallback, deadlineMs, outer, retry, hedge, guards, timeoutMs, isTimed, timeouts },
    { name, layers: options.layers.map(shownLayer), warnings: found },
  );
}

/** See {@link pipeline}. Safe to call from anywhere, any number of times at once. */
class Pipeline {
  readonly #plan: Plan;
  readonly #report: PipelineReport;
  readonly #isPlain: boolean;
  /** The first guard, where its refusal is the end of the call. */
  readonly #gate: Guard | undefined;

  constructor(plan: Plan, report: PipelineReport) {
    this.#plan = plan;
    this.#report = report;
    this.#isPlain = plan.hedge === undefined && plan.outer.length === 0;
    const endsThere = this.#isPlain && plan.retry === undefined && plan.fallback === undefined;
    this.#gate = endsThere ? plan.guards[0] : undefined;
  }

  /** The value, or throws: the work's own error, the caller's reason, CallRefusedError when nothing was begun, TimeoutError when the time was over. */
  run<T>(work: Work<T>, options?: CallOptions): Promise<Awaited<T>> {
    return this.#call(new Call(this.#plan, work, "value"), options) as Promise<Awaited<T>>;
  }

  /** How it ended, as a value; never rejects, save with ConfigError for options that are none. A refusal costs no error until somebody reads it. */
  outcome<T>(work: Work<T>, options?: CallOptions): Promise<Outcome<Awaited<T>>> {
    // Under overload most calls end here: before anything is made of them.
    const refused = options === undefined && !called.active ? this.#gate?.turnsAway?.() : undefined;
    if (refused !== undefined) return Promise.resolve(new RefusedFailure(this.#plan.name, refused));
    return this.#call(new Call(this.#plan, work, "outcome"), options) as Promise<Outcome<Awaited<T>>>;
  }

  describe(): PipelineReport {
    return this.#report;
  }

  #call(call: Call, options: CallOptions | undefined): Promise<unknown> {
    if (options !== undefined || called.active) return this.#callWith(call, options);
    return this.#begin(call);
  }

  #callWith(call: Call, options: CallOptions | undefined): Promise<unknown> {
    if (called.active) call.beganAtMs = this.#plan.clock.monotonic();
    try {
      if (options !== undefined) call.heed(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#begin(call);
  }

  #begin(call: Call): Promise<unknown> {
    if (!this.#isPlain) return this.#wholeCall(call);
    call.attempts = 1;
    const attempt = new Attempt(call, this.#plan.guards);
    const entering = attempt.enter();
    if (entering !== undefined) return this.#held(attempt, entering);
    return attempt.mayEndEarly ? this.#cancellable(attempt) : attempt.follow(this.#endOf);
  }

  /** Its guards do not let it pass at once. */
  #held(attempt: Attempt, entering: Refusal | Promise<Refusal | undefined>): Promise<unknown> {
    if (!("reason" in entering)) return this.#waiting(attempt, entering);
    attempt.refuse(entering);
    attempt.leave();
    return Promise.resolve(this.#after(attempt));
  }

  #cancellable(attempt: Attempt): Promise<unknown> {
    return new Promise((resolve, reject) => {
      attempt.begin((ended) => {
        const end = this.#endOf(ended);
        if (end instanceof Thrown) reject(end.error);
        else resolve(end);
      });
    });
  }

  /** As `#after`; the most frequent of all ends has a way of its own. */
  readonly #endOf = (ended: Attempt): unknown => {
    const isPlainValue = ended.verdict === "success" && ended.kind === "value" && ended.call.want === "value";
    return isPlainValue && !called.active ? ended.result : this.#after(ended);
  };

  async #waiting(attempt: Attempt, entering: Promise<Refusal | undefined>): Promise<unknown> {
    return this.#after(await passed(attempt, entering));
  }

  async #wholeCall(call: Call): Promise<unknown> {
    const around = new Attempt(call, this.#plan.outer);
    if (!(await entered(around))) return finish(around);
    const first = await this.#once(call);
    const attempt = await this.#attempts(first, first.verdict === "success" ? undefined : call.next(first));
    around.adopt(attempt);
    around.leave();
    return finish(attempt);
  }

  /** What the caller gets, when this was the last attempt; else a promise of it. */
  #after(attempt: Attempt): unknown {
    if (attempt.verdict === "success") return finish(attempt);
    const pauseMs = attempt.call.next(attempt);
    return pauseMs === undefined ? finish(attempt) : this.#goOn(attempt, pauseMs);
  }

  async #goOn(attempt: Attempt, pauseMs: number): Promise<unknown> {
    return finish(await this.#attempts(attempt, pauseMs));
  }

  /** Goes on after an attempt has ended, until one succeeds or was the last. */
  async #attempts(first: Attempt, firstPauseMs: number | undefined): Promise<Attempt> {
    const { call } = first;
    let attempt = first;
    let pauseMs = firstPauseMs;
    while (pauseMs !== undefined && (pauseMs === 0 || (await paused(attempt, pauseMs)))) {
      attempt = await this.#once(call);
      pauseMs = attempt.verdict === "success" ? undefined : call.next(attempt);
    }
    return attempt;
  }

  async #once(call: Call): Promise<Attempt> {
    const { hedge, guards } = this.#plan;
    call.attempts++;
    if (hedge === undefined) {
      const attempt = new Attempt(call, guards);
      return passed(attempt, attempt.enter());
    }
    const frame = new Attempt(call, []);
    try {
      return await hedged(frame, hedge);
    } catch (error) {
      frame.fail(error);
      return frame;
    }
  }
}

/**
 * What the caller is thrown. A promise that is resolved with it rejects, a turn of the microtasks later, when its caller is already listening: a
 * throw in its place costs 200 ns more, a promise that is rejected when it is made, and so is first reported as unhandled, 400.
 */
class Thrown {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- that promises adopt it is what it is for
  then(_resolve: unknown, reject: (error: unknown) => void): void {
    reject(this.error);
  }
}

/** Turns the last attempt into what the caller wants, {@link Thrown} if need be. */
function finish(attempt: Attempt): unknown {
  const { call } = attempt;
  const { fallback } = call.plan;
  if (called.active) tell(attempt);
  // An error that is expected or says nothing is the caller's answer, and who gave up wants none.
  const isPoor = attempt.verdict === "failure" || attempt.kind === "refused" || attempt.kind === "late";
  return isPoor && fallback !== undefined ? degrade(fallback, attempt) : undegraded(attempt);
}

async function degrade(fallback: FallbackLayer, attempt: Attempt): Promise<unknown> {
  const { attempts, want } = attempt.call;
  const failure = new LazyFailure(attempt);
  for (const step of fallback.steps) {
    try {
      const value = await step(failure);
      return want === "value" ? value : { ok: true, value, attempts, quality: "degraded" };
    } catch {
      // A step without an answer hands on to the next; the failure that counts is the call's own.
    }
  }
  return undegraded(attempt);
}

/** A value that was judged a failure is still an answer, when there is nothing better. */
function undegraded(attempt: Attempt): unknown {
  const { kind, result: value, call } = attempt;
  if (kind === "value")
    return call.want === "value" ? value : { ok: true, value, attempts: call.attempts, quality: "full" };
  if (call.want === "outcome") return new LazyFailure(attempt);
  return new Thrown(errorOf(attempt));
}
/** A failure whose error is made when somebody asks for it: most callers of `outcome` look at the reason alone. */
class LazyFailure implements Failure {
  readonly ok = false;
  readonly reason: Failure["reason"];
  readonly by: string;
  readonly retryAfterMs: number | undefined;
  readonly attempts: number;
  readonly stopped: Failure["stopped"];
  readonly trail: readonly unknown[];
  readonly #attempt: Attempt;
  #error: unknown;
  #isMade = false;

  constructor(attempt: Attempt) {
    const { call, refusal, result } = attempt;
    this.#attempt = attempt;
    this.reason = refusal === undefined ? reasonOf(attempt) : refusal.reason;
    this.by = refusal === undefined ? call.plan.name : refusal.by;
    this.retryAfterMs =
      refusal === undefined ? retryAfterOf({ ok: false, error: result }, call.plan.clock.now()) : refusal.retryAfterMs;
    this.attempts = call.attempts;
    this.stopped = call.stopped;
    this.trail = call.trail;
  }

  get error(): unknown {
    if (!this.#isMade) this.#error = errorOf(this.#attempt);
    this.#isMade = true;
    return this.#error;
  }
}

/** As a failure, of a call that was refused before it began. */
class RefusedFailure implements Failure {
  readonly ok = false;
  readonly reason: Refusal["reason"];
  readonly by: string;
  readonly retryAfterMs: number | undefined;
  readonly attempts = 1;
  readonly stopped = "no-retry";
  readonly trail = nothingBefore;
  readonly #what: string;
  #error: unknown = undefined;

  constructor(what: string, refused: Refusal) {
    this.reason = refused.reason;
    this.by = refused.by;
    this.retryAfterMs = refused.retryAfterMs;
    this.#what = what;
  }

  get error(): unknown {
    return (this.#error ??= refusedError(this.#what, this));
  }
}

function reasonOf(attempt: Attempt): "timeout" | "deadline" | "aborted" | "error" {
  if (attempt.kind === "late") return attempt.isPastDeadline ? "deadline" : "timeout";
  return attempt.kind === "aborted" ? "aborted" : "error";
}

function errorOf({ call, refusal, result }: Attempt): unknown {
  return refusal === undefined ? result : refusedError(call.plan.name, refusal);
}

/** Passes the guards of the whole call; whether it may go on. */
async function entered(around: Attempt): Promise<boolean> {
  try {
    const refused = await around.enter();
    if (refused === undefined) return true;
    around.refuse(refused);
  } catch (error) {
    around.fail(error);
  }
  around.leave();
  return false;
}

/** Whether there is time and reason for another attempt after the pause. */
async function paused(attempt: Attempt, pauseMs: number): Promise<boolean> {
  const { call } = attempt;
  try {
    if ((await call.pause(pauseMs)) === "time left") return true;
    call.stopped = "time";
  } catch (error) {
    const isAbort = call.signal?.aborted === true;
    call.stopped = isAbort ? "aborted" : "not-worth-it";
    if (isAbort) attempt.abort(error);
    else attempt.spoil(error);
  }
  return false;
}

function tell(attempt: Attempt): void {
  const { plan, attempts, beganAtMs } = attempt.call;
  const isAnswer = attempt.kind === "value" && attempt.verdict !== "failure";
  const end = isAnswer ? "ok" : (attempt.refusal?.reason ?? (attempt.kind === "value" ? "error" : reasonOf(attempt)));
  const by = attempt.refusal?.by ?? plan.name;
  called.publish({
    pipeline: plan.name,
    end,
    by,
    attempts,
    durationMs: beganAtMs === 0 ? 0 : plan.clock.monotonic() - beganAtMs,
  });
}

function shownLayer(layer: Layer): string {
  return "name" in layer ? `${layer.kind} ${layer.name}` : layer.kind;
}
