import { linkSignals } from "../abort/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { EndedAttempt } from "./call-context.ts";
import { quietReason } from "./errors.ts";
import type { RetryLayer } from "./layers.ts";
import type { StopReason } from "./outcome.ts";
import type { Patience } from "./patience.ts";
import type { Plan } from "./plan.ts";
import { retryAfterOf } from "./retry-after.ts";
import type { Ended } from "./verdict.ts";

const retried = telemetryChannel("ashlar.resilience.retry");
/** What a call has behind it when there was but one attempt. */
export const nothingBefore: readonly unknown[] = [];
/** What a pause ends with. */
const news = quietReason("NewsError", "there are news");

/** What retries look at in their call. */
export interface RetriedCall {
  readonly plan: Plan;
  readonly signal: AbortSignal | undefined;
  readonly attempts: number;
  readonly startedAtMs: number | undefined;
  readonly deadlineAtMs: number;
}

/** What a call that may try again remembers from its first failed attempt on; most calls have none. */
export class Retries {
  trail: readonly unknown[] = nothingBefore;
  readonly #call: RetriedCall;
  readonly #rules: RetryLayer;
  #backoff = 0;
  /** Attempts that no longer count, since nobody was reached. */
  #forgotten = 0;
  #pausesFor: "back-off" | "news" = "back-off";

  constructor(call: RetriedCall, rules: RetryLayer) {
    this.#call = call;
    this.#rules = rules;
  }

  /** After a failed attempt: how long to pause before the next, or why there is none. What throws meanwhile is the call's end: it must end in any case. */
  next(attempt: EndedAttempt): number | StopReason {
    const { plan, attempts } = this.#call;
    let pauseMs: number | StopReason;
    try {
      pauseMs = this.#pauseAfter(attempt);
    } catch (error) {
      this.trail = [...this.trail, attempt.result];
      attempt.spoil(error);
      return "not-worth-it";
    }
    if (typeof pauseMs !== "number") return pauseMs;
    this.trail = this.#pausesFor === "news" ? nothingBefore : [...this.trail, attempt.result];
    if (retried.active)
      retried.publish({ pipeline: plan.name, attempt: attempts, end: attempt.kind, delayMs: pauseMs });
    return pauseMs;
  }

  /** Waits before the next attempt. Rejects with the caller's reason, or with what a `watch` throws. */
  async pause(pauseMs: number): Promise<void> {
    const { plan, signal } = this.#call;
    const watch = this.#pausesFor === "news" ? this.#rules.patience?.watch : undefined;
    if (watch === undefined) await plan.clock.sleep(pauseMs, { signal });
    else await this.#pauseUntilNews(pauseMs, watch);
  }

  async #pauseUntilNews(pauseMs: number, watch: (onNews: () => void) => Disposable): Promise<void> {
    const { plan, signal } = this.#call;
    const heard = new AbortController();
    using _watching = watch(() => heard.abort(news));
    using ending = linkSignals([signal, heard.signal]);
    try {
      await plan.clock.sleep(pauseMs, { signal: ending.signal });
    } catch (error) {
      if (error !== news) throw error;
    }
  }

  #pauseAfter(attempt: EndedAttempt): number | StopReason {
    const { plan, attempts, startedAtMs, deadlineAtMs } = this.#call;
    const { clock, random } = plan;
    const rules = this.#rules;
    const ended: Ended = attempt.ended();
    const isRefused = attempt.refusal !== undefined;
    const patientMs = isRefused || rules.patience === undefined ? 0 : this.#patientMs(rules.patience, ended);
    this.#pausesFor = patientMs > 0 ? "news" : "back-off";
    if (patientMs > 0) {
      this.#forgotten = attempts;
      this.#backoff = 0;
      return patientMs;
    }
    const counted = attempts - this.#forgotten;
    if (counted >= rules.attemptsMax) return "no-retry";
    if (attempt.verdict === "ignored" && !isRefused) return "not-worth-it";
    if (!isRefused && !rules.on(ended)) return "not-worth-it";
    const askedMs = attempt.refusal === undefined ? retryAfterOf(ended, clock.now()) : attempt.refusal.retryAfterMs;
    if (isRefused && (askedMs === undefined || rules.retryAfterMaxMs < 0)) return "not-worth-it";
    if (askedMs !== undefined && rules.retryAfterMaxMs >= 0 && askedMs > rules.retryAfterMaxMs) return "asked-to-wait";
    const step = rules.delay(counted, this.#backoff, random);
    this.#backoff = step.state;
    if (Number.isNaN(step.delayMs)) throw new ConfigError("delay", step.delayMs, "a back-off of milliseconds");
    const pauseMs = Math.max(0, step.delayMs) + (rules.retryAfterMaxMs < 0 ? 0 : (askedMs ?? 0));
    const beginsAtMs = clock.monotonic() + pauseMs;
    if (beginsAtMs >= deadlineAtMs || beginsAtMs - (startedAtMs ?? 0) > rules.totalMaxMs) return "time";
    return rules.budget?.take() === "spent" ? "budget" : pauseMs;
  }

  /** How long to wait for whoever was not reached; 0 or less for not at all. */
  #patientMs({ on, withinMs, pauseMs }: Patience, ended: Ended): number {
    if (withinMs === 0 || !on(ended)) return 0;
    const { plan, startedAtMs, deadlineAtMs } = this.#call;
    const untilMs = Math.min((startedAtMs ?? 0) + withinMs, deadlineAtMs);
    return Math.min(pauseMs, untilMs - plan.clock.monotonic());
  }
}
