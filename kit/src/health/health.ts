import { abortable, signalAfter } from "../abort/mod.ts";
import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, DisposedError, integerIn, oneOf, textOf } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { CheckResult, HealthCheck, Status } from "./check.ts";
import { Checkup } from "./checkup.ts";
import { clippedReason } from "./reason.ts";
import { laterState, type ServingState } from "./serving-state.ts";
import { Slots } from "./slots.ts";
import { overallStatus, readiness } from "./verdict.ts";
import type { LoopVitals, MemoryVitals, Vitals } from "./vitals.ts";
import { systemVitals } from "./vitals-system.ts";

const stateChanged = telemetryChannel("ashlar.health.state");

/** What to check, and how patiently. */
export interface OpenHealthOptions {
  readonly checks?: readonly HealthCheck[] | undefined;
  /** Longest wait for one check, 1 ms to 1 min. Default 2 s. */
  readonly timeoutMs?: number | undefined;
  /** How long a result is given again, 0 to 1 h; a storm of probes runs a check once in that time. Default 1 s. */
  readonly cacheMs?: number | undefined;
  /** Longest wait for a whole answer, 1 ms to 5 min. What is not known by then is told as it was last known. Default 5 s. */
  readonly answerMs?: number | undefined;
  /** Checks that run at once, 1 to 100. Default 8. */
  readonly concurrency?: number | undefined;
  /** Default: those of this process. Disposed with the report. */
  readonly vitals?: Vitals | undefined;
  readonly clock?: Clock | undefined;
}

/** Whether the process should be restarted: 503 only once it was condemned. */
export interface Liveness {
  readonly httpStatus: 200 | 503;
  readonly reason: string;
  readonly loop: LoopVitals;
}

/** Whether the process should get work. `reason` is "" when it should. */
export interface Readiness {
  readonly httpStatus: 200 | 503;
  readonly state: ServingState;
  readonly reason: string;
  readonly checks: readonly CheckResult[];
}

/** Everything, for people and consoles. */
export interface HealthReport {
  /** As for readiness. */
  readonly httpStatus: 200 | 503;
  readonly status: Status;
  readonly state: ServingState;
  readonly uptimeMs: number;
  readonly loop: LoopVitals;
  readonly memory: MemoryVitals;
  readonly checks: readonly CheckResult[];
}

/** The health of one process. Closing it aborts running checks; it then answers as `stopped`. */
export interface Health extends AsyncDisposable {
  readonly state: ServingState;
  /** Moves forward: starting, ready, draining, stopped. A step back does nothing. Returns the state that now holds. */
  moveTo(state: ServingState): ServingState;
  /** Says for good that the process cannot be trusted any more (a broken invariant): liveness is 503, so that somebody restarts it. */
  condemn(reason: string): void;
  /** Adds a check, for what is opened later; disposing takes it away. Throws {@link ConfigError} for a name that is taken, or beyond 200 checks. */
  add(check: HealthCheck): Disposable;
  /** At once, without any check: dependencies that are down are no reason to restart a process. */
  live(): Liveness;
  /** After the critical checks, within `answerMs`. In any state but `ready` at once, without them. Never rejects. */
  ready(): Promise<Readiness>;
  /** After all checks, within `answerMs`. Never rejects. */
  report(): Promise<HealthReport>;
}

const checksMax = 200;

/** Begins in the state `starting`. Throws {@link ConfigError}. */
export async function openHealth(options: OpenHealthOptions = {}): Promise<Health> {
  return new ProcessHealth(options);
}

class ProcessHealth implements Health {
  readonly #clock: Clock;
  readonly #vitals: Vitals;
  readonly #slots: Slots;
  readonly #stop = new AbortController();
  readonly #defaults: { readonly timeoutMs: number; readonly cacheMs: number };
  readonly #answerMs: number;
  readonly #checkups = new Map<string, Checkup>();
  #state: ServingState = "starting";
  #condemned = "";

  constructor(options: OpenHealthOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#slots = new Slots(integerIn("concurrency", options.concurrency ?? 8, { min: 1, max: 100 }));
    this.#defaults = timesOf({ timeoutMs: options.timeoutMs ?? 2_000, cacheMs: options.cacheMs ?? 1_000 });
    this.#answerMs = integerIn("answerMs", options.answerMs ?? 5_000, { min: 1, max: 300_000 });
    for (const check of options.checks ?? []) this.add(check);
    this.#vitals = options.vitals ?? systemVitals(); // last, since it starts a timer
  }

  get state(): ServingState {
    return this.#state;
  }

  moveTo(state: ServingState): ServingState {
    const from = this.#state;
    this.#state = laterState(from, oneOf("state", state, ["starting", "ready", "draining", "stopped"]));
    if (this.#state !== from && stateChanged.active) stateChanged.publish({ from, to: this.#state });
    return this.#state;
  }

  condemn(reason: string): void {
    if (this.#condemned === "") this.#condemned = clippedReason(reason === "" ? "condemned" : reason);
  }

  add(check: HealthCheck): Disposable {
    const name = textOf("name", check.name, { lengthMax: 128 });
    if (this.#checkups.has(name)) throw new ConfigError("name", name, "a name that no other check has");
    if (this.#checkups.size >= checksMax) throw new ConfigError("checks", checksMax + 1, `at most ${checksMax} checks`);
    const weight = oneOf("weight", check.weight ?? "advisory", ["critical", "advisory"]);
    const { timeoutMs = this.#defaults.timeoutMs, cacheMs = this.#defaults.cacheMs } = check;
    const rules = { name, weight, run: check.run, ...timesOf({ timeoutMs, cacheMs }) };
    const checkup = new Checkup(rules, { clock: this.#clock, slots: this.#slots, stop: this.#stop.signal });
    this.#checkups.set(name, checkup);
    const remove = (): void => {
      if (this.#checkups.get(name) === checkup) this.#checkups.delete(name);
    };
    return { [Symbol.dispose]: remove };
  }

  live(): Liveness {
    const reason = this.#condemned;
    return { httpStatus: reason === "" ? 200 : 503, reason, loop: this.#vitals.loop() };
  }

  async ready(): Promise<Readiness> {
    if (this.#state !== "ready") return { ...readiness(this.#state, []), state: this.#state, checks: [] };
    const checks = await this.#results(({ rules }) => rules.weight === "critical");
    // Asked again: the drain may have begun while the checks ran.
    return { ...readiness(this.#state, checks), state: this.#state, checks };
  }

  async report(): Promise<HealthReport> {
    const checks = await this.#results(() => true);
    const state = this.#state;
    const { httpStatus } = readiness(state, checks);
    return {
      httpStatus,
      status: overallStatus(state, checks),
      state,
      uptimeMs: this.#vitals.uptimeMs(),
      loop: this.#vitals.loop(),
      memory: this.#vitals.memory(),
      checks,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.moveTo("stopped");
    this.#stop.abort(new DisposedError("the health report"));
    this.#vitals[Symbol.dispose]();
  }

  async #results(isAsked: (checkup: Checkup) => boolean): Promise<CheckResult[]> {
    const asked = [...this.#checkups.values()].filter(isAsked);
    const reason = "the answer cannot wait";
    using deadline = signalAfter(this.#clock, this.#answerMs, () => reason);
    try {
      await abortable(Promise.all(asked.map((checkup) => checkup.refresh())), deadline.signal);
    } catch (error) {
      if (error !== reason) throw error; // refresh never rejects: only the deadline does
    }
    return asked.map(({ result }) => result);
  }
}

function timesOf(times: { readonly timeoutMs: number; readonly cacheMs: number }): typeof times {
  return {
    timeoutMs: integerIn("timeoutMs", times.timeoutMs, { min: 1, max: 60_000 }),
    cacheMs: integerIn("cacheMs", times.cacheMs, { min: 0, max: 3_600_000 }),
  };
}
