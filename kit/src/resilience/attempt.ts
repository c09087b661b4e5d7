import type { TimeoutError } from "../errors/mod.ts";
import type { Call } from "./call.ts";
import type { CallContext, EndKind } from "./call-context.ts";
import { lateError } from "./errors.ts";
import type { Guard, Passage } from "./guard.ts";
import type { Plan } from "./plan.ts";
import type { Refusal } from "./refusal.ts";
import type { Timed } from "./timeouts.ts";
import type { Ended, Priority, Verdict } from "./verdict.ts";

/** Never written to: who passes a guard gets an array of its own. */
const noTickets: number[] = [];

/**
 * One attempt: its guards' tickets, its time, its end. One object for each, because work that outlives its attempt keeps the context,
 * and must not see the signal of the next.
 */
export class Attempt implements CallContext, Passage, Timed {
  readonly call: Call;
  readonly attempt: number;
  readonly hedge: number;
  readonly cancelledBy: AbortSignal | undefined;
  readonly #guards: readonly Guard[];
  #tickets: number[] = noTickets;
  verdict: Verdict = "ignored";
  work: "settled" | "running" = "settled";
  kind: EndKind = "none";
  /** The value, the error or the refusal. */
  result: unknown = undefined;
  deadlineAtMs: number;
  before: Timed | undefined = undefined;
  after: Timed | undefined = undefined;
  waitsIn: "list" | "set" | "none" = "none";
  #startedAtMs: number | undefined;
  #endedAtMs: number | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #onEnd: ((attempt: Attempt) => void) | undefined = undefined;

  constructor(
    call: Call,
    guards: readonly Guard[],
    beside?: { readonly hedge: number; readonly cancelledBy: AbortSignal },
  ) {
    this.call = call;
    this.#guards = guards;
    this.attempt = call.attempts;
    this.hedge = beside === undefined ? 0 : beside.hedge;
    this.cancelledBy = beside === undefined ? call.signal : beside.cancelledBy;
    this.deadlineAtMs = call.deadlineAtMs;
    // Only what began with its call: not behind a queue around all attempts, nor after a pause.
    const isFirst = call.attempts <= (call.plan.outer.length === 0 ? 1 : 0) && this.hedge === 0;
    this.#startedAtMs = isFirst ? call.startedAtMs : undefined;
  }

  get priority(): Priority {
    return this.call.priority;
  }

  get refusal(): Refusal | undefined {
    return this.kind === "refused" ? (this.result as Refusal) : undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.kind === "late" || this.kind === "aborted") this.#controller.abort(this.result);
    }
    return this.#controller.signal;
  }

  startedAtMs(): number {
    this.#startedAtMs ??= this.#plan.clock.monotonic();
    return this.#startedAtMs;
  }

  endedAtMs(): number {
    if (this.#endedAtMs !== undefined) return this.#endedAtMs;
    const nowMs = this.#plan.clock.monotonic();
    if (this.kind !== "none") this.#endedAtMs = nowMs;
    return nowMs;
  }

  remainingMs(): number {
    return this.deadlineAtMs === Infinity ? Infinity : Math.max(0, this.deadlineAtMs - this.#plan.clock.monotonic());
  }

  /** Passes the guards from the outermost on; the refusal of the first that turns it away. Never throws. */
  enter(): Refusal | undefined | Promise<Refusal | undefined> {
    const guards = this.#guards;
    if (guards.length === 0) return undefined;
    try {
      for (let place = this.#tickets.length; place < guards.length; place++) {
        const entered = guards[place]?.enter(this);
        if (typeof entered === "number") this.#addTicket(entered);
        else if (entered instanceof Promise) return this.#enterLater(entered);
        else return entered;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return undefined;
  }

  /** Does the work and then leaves the guards. `onEnd` is called once, at the end of the attempt, which may come before the end of the work. */
  begin(onEnd: (attempt: Attempt) => void): void {
    this.#onEnd = onEnd;
    const { timeoutMs, timeouts } = this.#plan;
    if (timeoutMs !== Infinity) {
      const ownMs = this.startedAtMs() + timeoutMs;
      if (ownMs < this.deadlineAtMs) this.deadlineAtMs = ownMs;
    }
    const { cancelledBy, deadlineAtMs } = this;
    if (cancelledBy !== undefined) {
      if (cancelledBy.aborted) return this.#stop("aborted", cancelledBy.reason);
      cancelledBy.addEventListener("abort", this);
    }
    if (deadlineAtMs !== Infinity) {
      if (deadlineAtMs <= this.startedAtMs()) return this.#stop("late", this.#lateReason());
      timeouts.add(this);
    }
    this.#work();
  }

  /** Whether something may end it before its work: its time, the time of the call, the caller. */
  get mayEndEarly(): boolean {
    return this.cancelledBy !== undefined || this.deadlineAtMs !== Infinity || this.#plan.timeoutMs !== Infinity;
  }

  /** As `begin`, for an attempt that may not end early: its work's own promise, continued, is all that it takes. */
  follow(onEnd: (attempt: Attempt) => unknown): Promise<unknown> {
    try {
      const running = this.call.work(this);
      if (isThenable(running))
        return Promise.resolve(running).then(
          (value) => {
            this.fulfil(value);
            this.leave();
            return onEnd(this);
          },
          (error: unknown) => {
            this.fail(error);
            this.leave();
            return onEnd(this);
          },
        );
      this.fulfil(running);
    } catch (error) {
      this.fail(error);
    }
    this.leave();
    return new Promise((resolve) => resolve(onEnd(this)));
  }

  /** The attempt ended with a value. */
  fulfil(value: unknown): void {
    this.kind = "value";
    this.result = value;
    const { judge } = this.#plan;
    this.verdict = judge === undefined ? "success" : this.#judged({ ok: true, value });
  }

  refuse(refused: Refusal): void {
    this.kind = "refused";
    this.result = refused;
  }

  /** The attempt ended with an error: the work's, its own lateness, or the caller's reason. */
  fail(error: unknown): void {
    if (this.kind !== "none") return;
    this.result = error;
    const { cancelledBy } = this;
    if (cancelledBy?.aborted === true && error === cancelledBy.reason) this.kind = "aborted";
    else {
      this.kind = "error";
      this.verdict = this.#judged({ ok: false, error });
    }
  }

  /** Ends as another one did. */
  adopt(other: Attempt): void {
    this.kind = other.kind;
    this.result = other.result;
    this.verdict = other.verdict;
    this.deadlineAtMs = other.deadlineAtMs;
  }

  spoil(error: unknown): void {
    this.kind = "error";
    this.result = error;
    this.verdict = "failure";
  }

  /** The caller gave up between two attempts. */
  abort(reason: unknown): void {
    this.kind = "aborted";
    this.result = reason;
    this.verdict = "ignored";
  }

  /** Tells the guards, from the innermost on. The work may still run. */
  leave(): void {
    this.#unarm();
    for (let place = this.#tickets.length - 1; place >= 0; place--)
      this.#guards[place]?.leave(this.#tickets[place] ?? 0, this);
  }

  ended(): Ended {
    return this.kind === "value" ? { ok: true, value: this.result } : { ok: false, error: this.result };
  }

  /** For {@link Timeouts}. */
  expire(): void {
    this.#stop("late", this.#lateReason());
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#stop("aborted", this.cancelledBy?.reason);
  }

  /** Whether it is the whole call that has no time left. */
  get isPastDeadline(): boolean {
    return this.deadlineAtMs >= this.call.deadlineAtMs;
  }

  get #plan(): Plan {
    return this.call.plan;
  }

  async #enterLater(entering: Promise<number | Refusal>): Promise<Refusal | undefined> {
    const entered = await entering;
    // The reading of before the wait is old; who asked for one goes by it at the end.
    if (this.#startedAtMs !== undefined) this.#startedAtMs = this.#plan.clock.monotonic();
    if (typeof entered !== "number") return entered;
    this.#addTicket(entered);
    return this.enter();
  }

  #addTicket(ticket: number): void {
    // As long as it has to be: `push` onto an empty array makes room for 17.
    if (this.#tickets === noTickets) this.#tickets = [ticket];
    else this.#tickets.push(ticket);
  }

  #work(): void {
    this.work = "running";
    try {
      const running = this.call.work(this);
      if (isThenable(running))
        // Through a promise of ours: of others' not all settle but once.
        Promise.resolve(running).then(
          (value) => this.#endWithValue(value),
          (error: unknown) => this.#endWithError(error),
        );
      else this.#endWithValue(running);
    } catch (error) {
      this.#endWithError(error);
    }
  }

  #endWithValue(value: unknown): void {
    if (this.#settle() === "late") return;
    this.fulfil(value);
    this.leave();
    this.#onEnd?.(this);
  }

  #endWithError(error: unknown): void {
    if (this.#settle() === "late") return;
    this.fail(error);
    this.leave();
    this.#onEnd?.(this);
  }

  /** The work has ended. "late" when that is long after its attempt: the guards that waited for it are told. */
  #settle(): "in time" | "late" {
    this.work = "settled";
    if (this.kind === "none") return "in time";
    for (let place = this.#tickets.length - 1; place >= 0; place--)
      this.#guards[place]?.release?.(this.#tickets[place] ?? 0);
    return "late";
  }

  /** The attempt ends before its work, or without it. */
  #stop(kind: "late" | "aborted", reason: unknown): void {
    if (this.kind !== "none") return;
    this.kind = kind;
    this.result = reason;
    // A deadline that was over before anything was begun says nothing about whoever would have been called.
    if (kind === "late" && this.work === "running") this.verdict = "failure";
    this.#controller?.abort(reason);
    this.leave();
    this.#onEnd?.(this);
  }

  #unarm(): void {
    if (this.waitsIn !== "none") this.#plan.timeouts.remove(this);
    if (this.cancelledBy !== undefined) this.cancelledBy.removeEventListener("abort", this);
  }

  #lateReason(): TimeoutError {
    const { name, timeoutMs } = this.#plan;
    if (!this.isPastDeadline) return lateError(name, timeoutMs);
    const { startedAtMs, deadlineAtMs } = this.call;
    return lateError(`${name} (its deadline)`, startedAtMs === undefined ? 0 : Math.max(0, deadlineAtMs - startedAtMs));
  }

  /** A judge that throws has found a failure. */
  #judged(ended: Ended): Verdict {
    const { judge } = this.#plan;
    if (judge === undefined) return ended.ok ? "success" : "failure";
    try {
      return judge(ended);
    } catch {
      return "failure";
    }
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  // The first question answers nearly always, and much faster than the second.
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
