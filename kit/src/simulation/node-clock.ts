import { type Clock, type SleepOptions, sleepOn, type Timer, type TimerOptions } from "../clock/mod.ts";
import { type Deque, deque } from "../collections/mod.ts";
import { invariant } from "../errors/mod.ts";
import type { EventSource, Strand } from "./event-source.ts";
import { type EventId, type Kernel, onGrid } from "./kernel.ts";

/** How a node's clocks differ from true time. */
export interface ClockSkew {
  /** The wall clock is so much ahead at the start; negative when behind. Default 0. */
  readonly offsetMs?: number | undefined;
  /** Both clocks gain so many microseconds a second; negative when they lose. -100,000 to 100,000. Default 0. */
  readonly driftPpm?: number | undefined;
}

/** 2026-01-01T00:00:00Z: what a wall clock without skew shows at the start of every run. */
const startOfTimeMs = 1_767_225_600_000;

/** The oscillator and wall clock of a machine: they go on when its process dies. */
export class MachineTime {
  readonly #kernel: Kernel;
  #wallMs: number;
  #rate: number;
  /** Local time was `#baseLocalMs` at true time `#baseTrueMs`, and passes at `#rate` since. */
  #baseTrueMs = 0;
  #baseLocalMs = 0;

  constructor(kernel: Kernel, { offsetMs = 0, driftPpm = 0 }: ClockSkew = {}) {
    this.#kernel = kernel;
    this.#wallMs = startOfTimeMs + offsetMs;
    this.#rate = 1 + driftPpm / 1e6;
  }

  /** Time since the start of the run as this machine measures it. */
  get localMs(): number {
    if (this.#rate === 1) return this.#baseLocalMs + this.#kernel.nowMs - this.#baseTrueMs;
    return Math.floor(this.#localAt(this.#kernel.nowMs) * 1_024) / 1_024;
  }

  get wallMs(): number {
    return Math.floor(this.#wallMs + this.localMs);
  }

  /** True time at which this machine's local time will be `localMs` or a trifle more. */
  trueAt(localMs: number): number {
    if (this.#rate === 1) return onGrid(localMs) - this.#baseLocalMs + this.#baseTrueMs;
    // Two steps later than computed, so that the local time is reached whatever was rounded.
    return this.#baseTrueMs + (localMs - this.#baseLocalMs) / this.#rate + 2 / 1_024;
  }

  /** Steps the wall clock, forth or back. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  /** From now on the clocks gain or lose so much. Timers that are set keep their moment. */
  drift(driftPpm: number): void {
    const nowMs = this.#kernel.nowMs;
    this.#baseLocalMs = onGrid(this.#localAt(nowMs));
    this.#baseTrueMs = nowMs;
    this.#rate = 1 + driftPpm / 1e6;
  }

  #localAt(trueMs: number): number {
    return this.#baseLocalMs + (trueMs - this.#baseTrueMs) * this.#rate;
  }
}

/** The clock of one process. Once the process is dead it sets no timers and calls nobody. */
export class NodeClock implements Clock {
  readonly #kernel: Kernel;
  readonly #machine: MachineTime;
  readonly #originMs: number;
  readonly #timer: EventSource;
  readonly #idleTimer: EventSource;
  readonly #turn: EventSource;
  readonly #turns: Deque<() => void> = deque();
  #isDead = false;

  constructor(kernel: Kernel, machine: MachineTime, strand: Strand) {
    this.#kernel = kernel;
    this.#machine = machine;
    this.#originMs = machine.localMs;
    this.#timer = kernel.source(strand, "timer");
    this.#idleTimer = kernel.source(strand, "timer", { holdsRun: "no" });
    this.#turn = kernel.source(strand, "turn");
  }

  now(): number {
    return this.#machine.wallMs;
  }

  monotonic(): number {
    return this.#machine.localMs - this.#originMs;
  }

  setTimer(delayMs: number, ring: () => void, options?: TimerOptions): Timer {
    invariant(!Number.isNaN(delayMs), "a timer's delay is a number");
    if (this.#isDead) return deadTimer;
    const source = options?.holdsProcess === "no" ? this.#idleTimer : this.#timer;
    // A delay above 0 passes at least one step, so that waiting for a tiny rest never takes forever.
    const localMs = this.#machine.localMs;
    const dueMs = delayMs > 0 ? Math.max(localMs + delayMs, localMs + 1 / 1_024) : localMs;
    const atMs = this.#machine.trueAt(dueMs);
    return new NodeTimer(this.#kernel, this.#kernel.schedule(source, atMs, ring));
  }

  sleep(delayMs: number, options?: SleepOptions): Promise<void> {
    return sleepOn(this, delayMs, options);
  }

  nextTurn(run: () => void): void {
    if (this.#isDead) return;
    // The events of a moment are shuffled; turns of one process are not, as its event loop keeps them in order.
    this.#turns.pushBack(run);
    this.#kernel.schedule(this.#turn, this.#kernel.nowMs, () => this.#turns.popFront()?.());
  }

  die(): void {
    this.#isDead = true;
  }
}

class NodeTimer implements Timer {
  readonly #kernel: Kernel;
  readonly #id: EventId;

  constructor(kernel: Kernel, id: EventId) {
    this.#kernel = kernel;
    this.#id = id;
  }

  cancel(): void {
    this.#kernel.cancel(this.#id);
  }
}

const deadTimer: Timer = { cancel: () => undefined };
