import { ConfigError } from "../errors/mod.ts";
import type { EndedAttempt, ParentCall, Work } from "./call-context.ts";
import type { StopReason } from "./outcome.ts";
import type { Plan } from "./plan.ts";
import { nothingBefore, Retries } from "./retries.ts";
import type { Priority } from "./verdict.ts";

/** What a caller may say about one call. */
export interface CallOptions {
  /** Ends the call, its pauses and its waiting at once, with the signal's reason. Default: that of `parent`. */
  readonly signal?: AbortSignal | undefined;
  /** Default: that of `parent`, else `normal`. */
  readonly priority?: Priority | undefined;
  /**
   * Time that the caller has left, in milliseconds: how a deadline arrives from another process. The shortest of all deadlines counts. What is
   * no number rejects the call with ConfigError.
   */
  readonly withinMs?: number | undefined;
  /** The context of the call that makes this one: its deadline, signal and priority travel on. */
  readonly parent?: ParentCall | undefined;
}

/** What the caller wants to get: a value or an exception, or an outcome. */
export type Want = "value" | "outcome";

/**
 * One call through a pipeline, over all its attempts. There is one for each, so it is small, and what only some need is made, or done, apart: the
 * optimiser inlines what is short.
 */
export class Call {
  readonly plan: Plan;
  readonly work: Work<unknown>;
  readonly want: Want;
  priority: Priority = "normal";
  signal: AbortSignal | undefined = undefined;
  /** Only when something depends on it. */
  startedAtMs: number | undefined = undefined;
  /** For telemetry; 0 when nobody listened at the start. */
  beganAtMs = 0;
  attempts = 0;
  stopped: StopReason = "no-retry";
  #deadlineAtMs: number | undefined = undefined;
  #retries: Retries | undefined = undefined;

  constructor(plan: Plan, work: Work<unknown>, want: Want) {
    this.plan = plan;
    this.work = work;
    this.want = want;
    plan.retry?.budget?.called();
    if (plan.isTimed) this.#start(plan.deadlineMs);
  }

  /** When all of it must be over, on the monotonic clock; Infinity when never. */
  get deadlineAtMs(): number {
    return this.#deadlineAtMs ?? Infinity;
  }

  /** What the attempts before the last one ended with. */
  get trail(): readonly unknown[] {
    return this.#retries?.trail ?? nothingBefore;
  }

  /** What its caller says about it, before anything is begun. Throws ConfigError. */
  heed({ signal, priority, withinMs = Infinity, parent }: CallOptions): void {
    // As a deadline it would never be due, and stand in the way of those behind it.
    if (Number.isNaN(withinMs)) throw new ConfigError("withinMs", withinMs, "a number");
    this.priority = priority ?? parent?.priority ?? "normal";
    this.signal = signal ?? parent?.signal;
    if (withinMs < this.plan.deadlineMs) this.#start(withinMs);
    if (parent !== undefined && parent.deadlineAtMs < this.deadlineAtMs) this.#deadlineAtMs = parent.deadlineAtMs;
  }

  /** After a failed attempt: how long to pause before the next, or undefined when it was the last; `stopped` says why. */
  next(attempt: EndedAttempt): number | undefined {
    const { retry } = this.plan;
    if (attempt.kind === "aborted") this.stopped = "aborted";
    if (attempt.kind === "aborted" || retry === undefined) return undefined;
    this.#retries ??= new Retries(this, retry);
    const pauseMs = this.#retries.next(attempt);
    if (typeof pauseMs === "number") return pauseMs;
    this.stopped = pauseMs;
    return undefined;
  }

  /** Waits before the next attempt; whether there is time for it then. Rejects with the caller's reason, or with what a `watch` throws. */
  async pause(pauseMs: number): Promise<"time left" | "too late"> {
    await this.#retries?.pause(pauseMs);
    return this.plan.clock.monotonic() < this.deadlineAtMs ? "time left" : "too late";
  }

  #start(withinMs: number): void {
    this.startedAtMs ??= this.plan.clock.monotonic();
    if (withinMs !== Infinity) this.#deadlineAtMs = this.startedAtMs + withinMs;
  }
}
