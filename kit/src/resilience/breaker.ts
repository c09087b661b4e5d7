// One state machine, no timer. Everything that may have become due (the open time, the lease of a probe) is done by whoever asks next.
//
// Tickets. In `closed` all calls hold the number of the generation; in `half-open` each probe has a number of its own, kept with the end of
// its lease. A change of state draws a new number and forgets all probes. So a result is judged by one comparison: it counts for the
// state in which its call began, or not at all.
import { TurnClock } from "../clock/mod.ts";
import { invariant } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { type BreakerOptions, type BreakerRules, checkedSnapshot, resolveBreaker } from "./breaker-options.ts";
import { type BreakerPermit, manualPassage, Permit } from "./breaker-permit.ts";
import type { BreakerCause, BreakerChange, BreakerReport, BreakerSnapshot, BreakerState } from "./breaker-report.ts";
import { durationMaxMs } from "./backoff.ts";
import { type BreakerWindow, code, type Code } from "./breaker-window.ts";
import type { Guard, Passage } from "./guard.ts";
import { refusal, type Refusal } from "./refusal.ts";
import type { Judge } from "./verdict.ts";

const changed = telemetryChannel("ashlar.resilience.breaker");
const uncounted = -1;

export type { Breaker };

/**
 * A circuit breaker: it stops calling what fails or has become slow, and finds out with a few probes when it is well again. Shared by all who
 * call the same thing. O(1) for each call, fixed memory, no timer, no listener. Throws ConfigError.
 */
export function breaker(options: BreakerOptions = {}): Breaker {
  return new Breaker(resolveBreaker(options), options.restore);
}

/** See {@link breaker}. A layer of pipelines; by `tryAcquire` also for what cannot be wrapped. */
class Breaker implements Guard {
  readonly kind = "breaker";
  readonly name: string;
  /** What ends mean, unless the pipeline has a judge of its own. */
  readonly judge: Judge | undefined;
  readonly #rules: BreakerRules;
  readonly #window: BreakerWindow;
  readonly #seesSlow: boolean;
  readonly #turn: TurnClock;
  readonly #watchers = new Set<(change: BreakerChange) => void>();
  /** End of the lease of each probe under way, by ticket. */
  readonly #probes = new Map<number, number>();
  readonly #totals = { succeeded: 0, failed: 0, slow: 0, ignored: 0, refused: 0, late: 0, opened: 0 };
  #state: BreakerState = "closed";
  #generation = 0;
  #tickets = 0;
  #openUntilMs = 0;
  #openedMs = 0;
  #closedAtMs = -Infinity;
  #opens = 0;
  #backoff = 0;
  #probesPassed = 0;
  #probesFailed = 0;

  constructor(rules: BreakerRules, snapshot: BreakerSnapshot | undefined) {
    this.name = rules.name;
    this.judge = rules.judge;
    this.#rules = rules;
    this.#window = rules.window;
    this.#turn = new TurnClock(rules.clock);
    this.#seesSlow = rules.slowOverMs !== Infinity;
    if (snapshot !== undefined) this.#restore(checkedSnapshot(snapshot));
  }

  /** The state at this moment: an open breaker whose time is over is half-open. */
  get state(): BreakerState {
    this.#catchUp(this.#rules.clock.monotonic());
    return this.#state;
  }

  enter(passage: Passage): number | Refusal {
    if (this.#seesSlow) passage.startedAtMs(); // the time of the call is counted from here
    if (this.#state === "closed") return this.#generation;
    return this.#enterUnlessClosed(passage.startedAtMs());
  }

  /** A burst of refusals in one turn shares readings of the clock, so that their last may come that much after the breaker's time is over. */
  turnsAway(): Refusal | undefined {
    if (this.#state !== "open") return undefined;
    const leftMs = this.#openUntilMs - this.#turn.nowMs();
    if (leftMs <= 0) return undefined;
    this.#totals.refused++;
    return refusal(this.name, "open", leftMs);
  }

  leave(ticket: number, passage: Passage): void {
    if (passage.verdict !== "success" || this.#seesSlow || this.#state !== "closed" || ticket !== this.#generation)
      return this.#leave(ticket, passage);
    // All but few calls: began in the closed breaker, and a plain success.
    const window = this.#window;
    this.#totals.succeeded++;
    window.add(code.ok, window.isTimed ? passage.endedAtMs() : 0);
    if (window.failed !== 0 || window.slow !== 0) this.#decide(passage);
  }

  /** For what cannot be wrapped: a permit whose holder says how it ended, or why there is none. Disposing a permit gives it back unjudged. */
  tryAcquire(): BreakerPermit | Refusal {
    const passage = manualPassage(this.#rules.clock);
    const entered = this.enter(passage);
    return typeof entered === "number" ? new Permit(this, entered, passage) : entered;
  }

  /** Sets the state by hand. `closed` goes back to deciding by itself, with an empty window; `open` stays so for its usual time. */
  force(state: Exclude<BreakerState, "half-open">): void {
    if (state === "open") this.trip("by-hand");
    else this.#change(state, "by-hand");
  }

  /** Opens, for `openMs` or as long as it is due by the number of times in a row. Does nothing in a state set by hand. */
  trip(cause: "votes" | "by-hand", openMs?: number): void {
    if (this.#state === "closed" || this.#state === "half-open" || cause === "by-hand")
      this.#open(cause, this.#rules.clock.monotonic(), openMs);
  }

  /** Calls `watcher` after every change of state, in the turn of the change, until disposed. It must not throw. */
  watch(watcher: (change: BreakerChange) => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  describe(): BreakerReport {
    const nowMs = this.#rules.clock.monotonic();
    this.#catchUp(nowMs);
    const { window } = this.#rules;
    window.tidy(nowMs);
    return {
      name: this.name,
      state: this.#state,
      calls: window.calls,
      failed: window.failed,
      slow: window.slow,
      retryAfterMs: this.#state === "open" ? this.#openUntilMs - nowMs : 0,
      generation: this.#generation,
      probing: this.#probes.size,
      totals: { ...this.#totals },
    };
  }

  /** What a later process starts with as `restore`. The window is not in it: a restarted process judges anew. */
  snapshot(): BreakerSnapshot {
    const { clock } = this.#rules;
    const leftMs = this.#state === "open" ? this.#openUntilMs - clock.monotonic() : 0;
    return {
      state: this.#state,
      openUntilMs: leftMs > 0 ? clock.now() + leftMs : 0,
      opens: this.#opens,
      backoff: this.#backoff,
    };
  }

  #leave(ticket: number, passage: Passage): void {
    if (ticket === uncounted) return;
    const { verdict } = passage;
    if (verdict === "ignored") return this.#ignore(ticket);
    const { slowOverMs, slowIs, window } = this.#rules;
    const isSlow = this.#seesSlow && passage.endedAtMs() - passage.startedAtMs() > slowOverMs;
    const isFailed = verdict === "failure" || (isSlow && slowIs === "failed");
    const ended = ((isFailed ? code.failed : code.ok) | (isSlow ? code.slow : code.ok)) as Code;
    this.#count(ended);
    if (this.#state === "half-open") return this.#endProbe(ticket, ended, passage.endedAtMs());
    if (ticket !== this.#generation) return void this.#totals.late++;
    window.add(ended, window.isTimed ? passage.endedAtMs() : 0);
    if (this.#state === "closed") this.#decide(passage);
  }

  #enterUnlessClosed(nowMs: number): number | Refusal {
    this.#catchUp(nowMs);
    switch (this.#state) {
      case "closed":
      case "metrics-only":
        return this.#generation;
      case "disabled":
        return uncounted;
      case "half-open":
        return this.#enterAsProbe(nowMs);
      case "isolated":
        this.#totals.refused++;
        return refusal(this.name, "isolated");
      case "open":
        this.#totals.refused++;
        return refusal(this.name, "open", this.#openUntilMs - nowMs);
    }
  }

  #enterAsProbe(nowMs: number): number | Refusal {
    const { permits, leaseMs } = this.#rules;
    if (this.#probesPassed + this.#probesFailed + this.#probes.size >= permits) {
      this.#totals.refused++;
      let earliestMs = Infinity;
      for (const endsAtMs of this.#probes.values()) earliestMs = Math.min(earliestMs, endsAtMs);
      return refusal(this.name, "open", Math.max(0, earliestMs - nowMs));
    }
    const ticket = ++this.#tickets;
    this.#probes.set(ticket, nowMs + leaseMs);
    return ticket;
  }

  /** Does what has become due: the open time is over, leases of probes have ended. */
  #catchUp(nowMs: number): void {
    if (this.#state === "open" && nowMs >= this.#openUntilMs) this.#change("half-open", "time-over");
    if (this.#state !== "half-open") return;
    for (const [ticket, endsAtMs] of this.#probes)
      if (endsAtMs <= nowMs && this.#state === "half-open") this.#endProbe(ticket, code.failed, nowMs);
  }

  #endProbe(ticket: number, ended: Code, nowMs: number): void {
    if (!this.#probes.delete(ticket)) return void this.#totals.late++;
    const { permits, successesMin } = this.#rules;
    if (ended === code.ok) this.#probesPassed++;
    else this.#probesFailed++;
    if (this.#probesPassed >= successesMin) {
      this.#closedAtMs = nowMs;
      this.#change("closed", "probes-passed");
    } else if (this.#probesFailed > permits - successesMin) this.#open("probes-failed", nowMs);
  }

  #ignore(ticket: number): void {
    this.#totals.ignored++;
    if (this.#state === "half-open") this.#probes.delete(ticket);
  }

  #count(ended: Code): void {
    const totals = this.#totals;
    if ((ended & 1) === 0) totals.succeeded++;
    else totals.failed++;
    if (ended > 1) totals.slow++;
  }

  #decide(passage: Passage): void {
    const { window, callsMin, failureRatio, slowRatio } = this.#rules;
    const { calls, failed, slow } = window;
    if (calls < callsMin || (failed === 0 && slow === 0)) return;
    if (failed >= failureRatio * calls) this.#open("failures", passage.endedAtMs());
    else if (slow >= slowRatio * calls) this.#open("slow-calls", passage.endedAtMs());
  }

  #open(cause: BreakerCause, nowMs: number, forMs?: number): void {
    // A breaker that stayed closed for longer than it was open last has no history.
    if (this.#state === "closed" && nowMs - this.#closedAtMs > this.#openedMs) this.#opens = this.#backoff = 0;
    this.#opens++;
    const step = this.#rules.openFor(this.#opens, this.#backoff, this.#rules.random);
    this.#backoff = step.state;
    this.#openedMs = Math.min(Math.max(0, forMs ?? step.delayMs), durationMaxMs);
    this.#openUntilMs = nowMs + this.#openedMs;
    this.#totals.opened++;
    this.#change("open", cause);
  }

  #change(to: BreakerState, cause: BreakerCause): void {
    const from = this.#state;
    const { failed, calls } = this.#rules.window;
    this.#state = to;
    this.#generation = ++this.#tickets;
    this.#probes.clear();
    this.#probesPassed = this.#probesFailed = 0;
    if (to !== "half-open") this.#rules.window.clear();
    const openMs = to === "open" ? this.#openedMs : 0;
    if (changed.active) changed.publish({ breaker: this.name, from, to, cause, openMs, calls, failed });
    for (const watcher of this.#watchers) watcher({ from, to, cause, openMs });
  }

  #restore({ state, openUntilMs, opens, backoff }: BreakerSnapshot): void {
    const { clock } = this.#rules;
    this.#opens = opens;
    this.#backoff = backoff;
    if (state !== "open") {
      // Probes of the process before are gone: a half-open one begins with new ones.
      this.#state = state;
      return;
    }
    // The wall clock may have stepped: never longer open than this breaker would open itself.
    const longestMs = this.#rules.openFor(Math.max(1, opens), 0, this.#rules.random).delayMs;
    const leftMs = Math.max(0, Math.min(openUntilMs - clock.now(), longestMs));
    this.#state = "open";
    this.#openedMs = leftMs;
    this.#openUntilMs = clock.monotonic() + leftMs;
    invariant(Number.isFinite(this.#openUntilMs), "an open breaker has an end");
  }
}
