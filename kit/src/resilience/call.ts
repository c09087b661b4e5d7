import { linkSignals } from "../abort/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { EndedAttempt, ParentCall, Work } from "./call-context.ts";
import { quietReason } from "./errors.ts";
import type { StopReason } from "./outcome.ts";
import type { Patience } from "./patience.ts";
import type { Plan } from "./plan.ts";
import { retryAfterOf } from "./retry-after.ts";
import type { Ended, Priority } from "./verdict.ts";

const retried = telemetryChannel("ashlar.resilience.retry");
const nothingBefore: readonly unknown[] = [];
/** What a pause ends with. */
const news = quietReason("NewsError", "there are news");

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

/** One call through a pipeline, over all its attempts. */
export class Call {
  readonly work: Work<unknown>;
  want: Want = "value";
  readonly plan: Plan;
  readonly priority: Priority;
  readonly signal: AbortSignal | undefined;
  readonly deadlineAtMs: number;
  /** Only when something depends on it. */
  readonly startedAtMs: number | undefined;
  /** For telemetry; 0 when nobody listened at the start. */
  beganAtMs = 0;
  attempts = 0;
  stopped: StopReason = "no-retry";
  trail: readonly unknown[] = nothingBefore;
  #backoff = 0;
  /** Attempts that no longer count, since nobody was reached. */
  #forgotten = 0;
  #pausesFor: "back-off" | "news" = "back-off";

  constructor(plan: Plan, work: Work<unknown>, options: CallOptions | undefined) {
    this.plan = plan;
    this.work = work;
    plan.retry?.budget?.called();
    const parent = options?.parent;
    this.priority = options?.priority ?? parent?.priority ?? "normal";
    this.signal = options?.signal ?? parent?.signal;
    const withinMs = Math.min(options?.withinMs ?? Infinity, plan.deadlineMs);
    this.startedAtMs = plan.isTimed || withinMs !== Infinity ? plan.clock.monotonic() : undefined;
    const ownMs = (this.startedAtMs ?? 0) + withinMs;
    this.deadlineAtMs = parent === undefined ? ownMs : Math.min(ownMs, parent.deadlineAtMs);
  }

  /** After a failed attempt: how long to pause before the next, or undefined when it was the last; `stopped` says why. */
  next(attempt: EndedAttempt): number | undefined {
    const pauseMs = this.#pauseOrSpoil(attempt);
    if (typeof pauseMs === "number") {
      this.trail = this.#pausesFor === "news" ? nothingBefore : [...this.trail, attempt.result];
      if (retried.active)
        retried.publish({ pipeline: this.plan.name, attempt: this.attempts, end: attempt.kind, delayMs: pauseMs });
      return pauseMs;
    }
    this.stopped = pauseMs;
    return undefined;
  }

  /** Waits before the next attempt; whether there is time for it then. Rejects with the caller's reason, or with what a `watch` throws. */
  async pause(pauseMs: number): Promise<"time left" | "too late"> {
    const { clock, retry } = this.plan;
    const watch = this.#pausesFor === "news" ? retry?.patience?.watch : undefined;
    if (watch === undefined) await clock.sleep(pauseMs, { signal: this.signal });
    else await this.#pauseUntilNews(pauseMs, watch);
    return clock.monotonic() < this.deadlineAtMs ? "time left" : "too late";
  }

  async #pauseUntilNews(pauseMs: number, watch: (onNews: () => void) => Disposable): Promise<void> {
    const heard = new AbortController();
    using _watching = watch(() => heard.abort(news));
    using ending = linkSignals([this.signal, heard.signal]);
    try {
      await this.plan.clock.sleep(pauseMs, { signal: ending.signal });
    } catch (error) {
      if (error !== news) throw error;
    }
  }

  /** A call whose retry does not know what to do ends with that error, behind what the attempt ended with: it must end in any case. */
  #pauseOrSpoil(attempt: EndedAttempt): number | StopReason {
    try {
      return this.#pauseAfter(attempt);
    } catch (error) {
      this.trail = [...this.trail, attempt.result];
      attempt.spoil(error);
      return "not-worth-it";
    }
  }

  #pauseAfter(attempt: EndedAttempt): number | StopReason {
    const { retry, clock, random } = this.plan;
    if (attempt.kind === "aborted") return "aborted";
    if (retry === undefined) return "no-retry";
    const ended: Ended = attempt.ended();
    const isRefused = attempt.refusal !== undefined;
    const patientMs = isRefused || retry.patience === undefined ? 0 : this.#patientMs(retry.patience, ended);
    this.#pausesFor = patientMs > 0 ? "news" : "back-off";
    if (patientMs > 0) {
      this.#forgotten = this.attempts;
      this.#backoff = 0;
      return patientMs;
    }
    const counted = this.attempts - this.#forgotten;
    if (counted >= retry.attemptsMax) return "no-retry";
    if (attempt.verdict === "ignored" && !isRefused) return "not-worth-it";
    if (!isRefused && !retry.on(ended)) return "not-worth-it";
    const askedMs = attempt.refusal === undefined ? retryAfterOf(ended, clock.now()) : attempt.refusal.retryAfterMs;
    if (isRefused && (askedMs === undefined || retry.retryAfterMaxMs < 0)) return "not-worth-it";
    if (askedMs !== undefined && retry.retryAfterMaxMs >= 0 && askedMs > retry.retryAfterMaxMs) return "asked-to-wait";
    const step = retry.delay(counted, this.#backoff, random);
    this.#backoff = step.state;
    if (Number.isNaN(step.delayMs)) throw new ConfigError("delay", step.delayMs, "a back-off of milliseconds");
    const pauseMs = Math.max(0, step.delayMs) + (retry.retryAfterMaxMs < 0 ? 0 : (askedMs ?? 0));
    const beginsAtMs = clock.monotonic() + pauseMs;
    if (beginsAtMs >= this.deadlineAtMs || beginsAtMs - (this.startedAtMs ?? 0) > retry.totalMaxMs) return "time";
    return retry.budget?.take() === "spent" ? "budget" : pauseMs;
  }

  /** How long to wait for whoever was not reached; 0 or less for not at all. */
  #patientMs({ on, withinMs, pauseMs }: Patience, ended: Ended): number {
    if (withinMs === 0 || !on(ended)) return 0;
    const untilMs = Math.min((this.startedAtMs ?? 0) + withinMs, this.deadlineAtMs);
    return Math.min(pauseMs, untilMs - this.plan.clock.monotonic());
  }
}
