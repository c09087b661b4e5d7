import { abortable, linkSignals, signalAfter } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { type CheckResult, type Finding, findingOf, type HealthCheck } from "./check.ts";
import { reasonOf } from "./reason.ts";
import type { Slots } from "./slots.ts";

const checkChanged = telemetryChannel("ashlar.health.check");

/** A check with its rules resolved. */
export interface CheckRules {
  readonly name: string;
  readonly weight: "critical" | "advisory";
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly run: HealthCheck["run"];
}

/** What all checks of one report share. */
export interface CheckRoom {
  readonly clock: Clock;
  readonly slots: Slots;
  /** Aborts when the report is closed. */
  readonly stop: AbortSignal;
}

interface Found extends Finding {
  readonly durationMs: number;
  readonly atMs: number;
}

/**
 * Runs one check at most once at a time and at most once in `cacheMs`, whoever asks how often. A run that outlives its
 * time-out gives its slot back, and no other is begun beside it: a dependency that hangs must not fill the process with
 * runs that hang.
 */
export class Checkup {
  readonly rules: CheckRules;
  readonly #room: CheckRoom;
  #found: Found | undefined;
  #flight: Promise<void> | undefined;
  #hangsSinceMs: number | undefined;

  constructor(rules: CheckRules, room: CheckRoom) {
    this.rules = rules;
    this.#room = room;
  }

  /** What is known now. */
  get result(): CheckResult {
    const { name, weight } = this.rules;
    const found = this.#found;
    if (found === undefined)
      return { name, weight, status: "unknown", reason: "no answer yet", durationMs: 0, ageMs: undefined };
    const { status, reason, durationMs } = found;
    return { name, weight, status, reason, durationMs, ageMs: this.#room.clock.monotonic() - found.atMs };
  }

  /** Resolves when the result is at most `cacheMs` old. Never rejects. */
  refresh(): Promise<void> {
    const isFresh = this.#found !== undefined && this.#room.clock.monotonic() - this.#found.atMs < this.rules.cacheMs;
    if (this.#flight !== undefined) return this.#flight;
    if (isFresh) return Promise.resolve();
    this.#flight = this.#inSlot().finally(() => (this.#flight = undefined));
    return this.#flight;
  }

  async #inSlot(): Promise<void> {
    const { slots, stop } = this.#room;
    await slots.enter();
    try {
      if (!stop.aborted) await this.#run();
    } finally {
      slots.leave();
    }
  }

  async #run(): Promise<void> {
    const { clock, stop } = this.#room;
    const startMs = clock.monotonic();
    if (this.#hangsSinceMs !== undefined) {
      const forMs = Math.round(startMs - this.#hangsSinceMs);
      return this.#keep({ status: "down", reason: `the last run still hangs, for ${forMs} ms` }, startMs);
    }
    const { timeoutMs, name } = this.rules;
    using deadline = signalAfter(clock, timeoutMs, () => new TimeoutError(`check ${name}`, timeoutMs));
    using both = linkSignals([deadline.signal, stop]);
    const work = Promise.try(this.rules.run, both.signal);
    try {
      this.#keep(findingOf(await abortable(work, both.signal)), startMs);
    } catch (error) {
      this.#keep({ status: "down", reason: reasonOf(error) }, startMs);
      if (both.signal.aborted) this.#watch(work, startMs);
    }
  }

  #watch(work: Promise<unknown>, sinceMs: number): void {
    const end = (): void => void (this.#hangsSinceMs = undefined);
    this.#hangsSinceMs = sinceMs;
    work.then(end, end);
  }

  #keep(finding: Finding, startMs: number): void {
    const before = this.#found?.status;
    const atMs = this.#room.clock.monotonic();
    this.#found = { ...finding, durationMs: atMs - startMs, atMs };
    if (before !== finding.status && checkChanged.active)
      checkChanged.publish({ check: this.rules.name, ...finding, durationMs: atMs - startMs });
  }
}
