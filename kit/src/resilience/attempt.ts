import type { TimeoutError } from "../errors/mod.ts";
import type { Call } from "./call.ts";
import type { CallContext, EndKind } from "./call-context.ts";
import { lateError } from "./errors.ts";
import type { Guard, Passage } from "./guard.ts";
import type { Refusal } from "./refusal.ts";
import type { Timed } from "./timeouts.ts";
import type { Ended, Priority, Verdict } from "./verdict.ts";

/** Never written to: who passes a second guard gets an array of its own. */
const noTickets: number[] = [];

/** What an attempt that runs beside others has of its own. */
interface Beside {
  readonly hedge: number;
  readonly cancelledBy: AbortSignal;
}

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
  /** Guards passed; the ticket of the first, and those of the others. */
  #passed = 0;
  #ticket = 0;
  #tickets: number[] = noTickets;
  verdict: Verdict = "ignored";
  work: "settled" | "running" = "settled";
  kind: EndKind = "none";
  /** The value, the error or the refusal. */
  result: unknown = undefined;
  /** Its own, when it has less time than its call. */
  #deadlineAtMs: number | undefined = undefined;
  before: Timed | undefined = undefined;
  after: Timed | undefined = undefined;
  waitsIn: "list" | "set" | "none" = "none";
  #startedAtMs: number | undefined = undefined;
  #endedAtMs: number | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  /** Whether its time or its caller may still end it. */
  #isArmed = false;
  #onEnd: ((attempt: Attempt) => void) | undefined = undefined;

  constructor(call: Call, guards: readonly Guard[], beside?: Beside) {
    this.call = call;
    this.#guards = guards;
    this.attempt = call.attempts;
    this.hedge = beside === undefined ? 0 : beside.hedge;
    this.cancelledBy = beside === undefined ? call.signal : beside.cancelledBy;
  }

  get deadlineAtMs(): number {
    return this.#deadlineAtMs ?? this.call.deadlineAtMs;
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
    return (this.#startedAtMs ??= (this.#beganWithCall ? this.call.startedAtMs : undefined) ?? this.#nowMs());
  }

  endedAtMs(): number {
    if (this.#endedAtMs !== undefined) return this.#endedAtMs;
    const nowMs = this.call.plan.clock.monotonic();
    if (this.kind !== "none") this.#endedAtMs = nowMs;
    return nowMs;
  }

  remainingMs(): number {
    return this.deadlineAtMs === Infinity ? Infinity : Math.max(0, this.deadlineAtMs - this.#nowMs());
  }

  /** Passes the guards from the outermost on; the refusal of the first that turns it away. Never throws. */
  enter(): Refusal | undefined | Promise<Refusal | undefined> {
    const guards = this.#guards;
    try {
      for (let place = this.#passed; place < guards.length; place++) {
        const entered = guards[place]?.enter(this);
        if (typeof entered !== "number") return entered instanceof Promise ? this.#enterLater(entered) : entered;
        if (place === 0) this.#ticket = entered;
        else this.#addTicket(entered);
        this.#passed = place + 1;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return undefined;
  }

  /** Does the work and then leaves the guards. `onEnd` is called once, at the end of the attempt, which may come before the end of the work. */
  begin(onEnd: (attempt: Attempt) => void): void {
    this.#onEnd = onEnd;
    const { timeoutMs, timeouts } = this.call.plan;
    if (timeoutMs !== Infinity) {
      const ownMs = this.startedAtMs() + timeoutMs;
      if (ownMs < this.deadlineAtMs) this.#deadlineAtMs = ownMs;
    }
    const { cancelledBy, deadlineAtMs } = this;
    if (cancelledBy !== undefined) {
      if (cancelledBy.aborted) return this.#stop("aborted", cancelledBy.reason);
      cancelledBy.addEventListener("abort", this);
      this.#isArmed = true;
    }
    if (deadlineAtMs !== Infinity) {
      if (deadlineAtMs <= this.startedAtMs()) return this.#stop("late", this.#lateReason());
      timeouts.add(this);
      this.#isArmed = true;
    }
    this.#work();
  }

  /** Whether something may end it before its work: its time, the time of the call, the caller. */
  get mayEndEarly(): boolean {
    const { call } = this;
    return call.plan.timeoutMs !== Infinity || this.cancelledBy !== undefined || call.deadlineAtMs !== Infinity;
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
    const { judge } = this.call.plan;
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
    this.#deadlineAtMs = other.#deadlineAtMs;
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
    if (this.#isArmed) this.#unarm();
    for (let place = this.#passed - 1; place >= 0; place--) this.#guards[place]?.leave(this.#ticketOf(place), this);
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

  /** Not behind a queue around all attempts, nor after a pause. */
  get #beganWithCall(): boolean {
    return this.attempt <= (this.call.plan.outer.length === 0 ? 1 : 0) && this.hedge === 0;
  }

  #nowMs(): number {
    return this.call.plan.clock.monotonic();
  }

  async #enterLater(entering: Promise<number | Refusal>): Promise<Refusal | undefined> {
    const entered = await entering;
    // The reading of before the wait is old; who asked for one goes by it at the end.
    if (this.#startedAtMs !== undefined || this.call.startedAtMs !== undefined) this.#startedAtMs = this.#nowMs();
    if (typeof entered !== "number") return entered;
    if (this.#passed === 0) this.#ticket = entered;
    else this.#addTicket(entered);
    this.#passed++;
    return this.enter();
  }

  #addTicket(ticket: number): void {
    // As long as it has to be: `push` onto an empty array makes room for 17.
    if (this.#tickets === noTickets) this.#tickets = [ticket];
    else this.#tickets.push(ticket);
  }

  #ticketOf(place: number): number {
    return place === 0 ? this.#ticket : (this.#tickets[place - 1] ?? 0);
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
    for (let place = this.#passed - 1; place >= 0; place--) this.#guards[place]?.release?.(this.#ticketOf(place));
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
    this.#isArmed = false;
    if (this.waitsIn !== "none") this.call.plan.timeouts.remove(this);
    if (this.cancelledBy !== undefined) this.cancelledBy.removeEventListener("abort", this);
  }

  #lateReason(): TimeoutError {
    const { name, timeoutMs } = this.call.plan;
    if (!this.isPastDeadline) return lateError(name, timeoutMs);
    const { startedAtMs, deadlineAtMs } = this.call;
    return lateError(`${name} (its deadline)`, startedAtMs === undefined ? 0 : Math.max(0, deadlineAtMs - startedAtMs));
  }

  /** A judge that throws has found a failure. */
  #judged(ended: Ended): Verdict {
    const { judge } = this.call.plan;
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
