import { invariant, InvariantError } from "../errors/mod.ts";
import { type Random, seededRandom } from "../random/mod.ts";
import { type Again, driver, type DriverName } from "./driver-system.ts";
import { EventHeap } from "./event-heap.ts";
import { eventSource, type EventSource, type EventSourceOptions, Strand } from "./event-source.ts";
import { type Ranks, ranksOf, type Strategy } from "./strategy.ts";
import { type FiredEvent, Trace } from "./trace.ts";

/** How a kernel runs. */
export interface KernelOptions {
  readonly seed: number | string;
  /** Default: random. */
  readonly strategy?: Strategy | undefined;
  /** Default: ticks. */
  readonly driver?: DriverName | undefined;
}

/** Where a run stops, should it get so far. */
export interface KernelLimits {
  readonly untilMs?: number | undefined;
  /** Stops before the event of that number. */
  readonly untilEvent?: number | undefined;
}

/** Why a run stopped. `empty`: nothing is left that could happen. */
export type KernelEnd =
  | { readonly why: "empty" | "time" | "event" | "stopped" }
  | { readonly why: "failed"; readonly error: unknown };

/** Identifies an event that was scheduled. Never used again. */
export type EventId = number;

export type { Kernel };

/** A kernel at time 0 with nothing to do. */
export function kernel(options: KernelOptions): Kernel {
  return new Kernel(options);
}

/** More would be a leak of the code under test; a run fails that reaches it. */
const pendingMax = 2 ** 20;
const sequenceMax = 2 ** 32;

/**
 * Virtual time and the events in it. One event runs at a time; the next one begins when every promise job of the last has run. The same
 * seed gives the same run, whatever the machine. Made by {@link kernel}.
 */
class Kernel {
  readonly random: Random;
  readonly #trace = new Trace();
  readonly #heap = new EventHeap();
  readonly #ranks: Ranks;
  readonly #again: Again;
  readonly #sources: (EventSource | undefined)[] = [];
  readonly #runs: (() => void)[] = [];
  readonly #ids: EventId[] = [];
  readonly #strands: Strand[] = [];
  readonly #checks: { readonly every: number; readonly run: () => void; dueAt: number }[] = [];
  #nowMs = 0;
  #sequence = 0;
  #holding = 0;
  #checkAt = Infinity;
  #limits: Required<{ [K in keyof KernelLimits]: number }> = { untilMs: Infinity, untilEvent: Infinity };
  #end: KernelEnd | undefined;
  #finish: ((end: KernelEnd) => void) | undefined;
  #outside: Promise<unknown> = Promise.resolve();
  #outsideCount = 0;
  #isParked = false;

  constructor({ seed, strategy = { kind: "random" }, driver: name = "ticks" }: KernelOptions) {
    this.random = seededRandom(seed);
    this.#ranks = ranksOf(strategy, this.random.stream("schedule"));
    this.#again = driver(name, () => this.#step());
  }

  /** True time since the start, which no node sees. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events fired so far. */
  get events(): number {
    return this.#trace.count;
  }

  get pending(): number {
    return this.#heap.size;
  }

  /** Fingerprint of everything that has happened. */
  get hash(): string {
    return this.#trace.hash;
  }

  get strands(): readonly Strand[] {
    return this.#strands;
  }

  strand(name: string): Strand {
    const strand = new Strand(name, this.#strands.length);
    this.#strands.push(strand);
    return strand;
  }

  source(strand: Strand, name: string, options: EventSourceOptions = {}): EventSource {
    return eventSource(strand, name, options);
  }

  /** Calls `run` when it is `atMs`, at once (but in an event of its own) when that is past. Never for Infinity. */
  schedule(source: EventSource, atMs: number, run: () => void): EventId {
    invariant(!Number.isNaN(atMs), "an event has a time");
    const sequence = this.#sequence++;
    invariant(sequence < sequenceMax, "a run has at most 4 billion events");
    const rank = this.#ranks.rankOf(source.strand, this.#trace.count);
    const slot = this.#heap.push(atMs > this.#nowMs ? onGrid(atMs) : this.#nowMs, rank * sequenceMax + sequence);
    if (slot >= pendingMax)
      throw new InvariantError(
        `more than ${pendingMax} events are pending; the last: ${source.strand.name}, ${source.name}`,
      );
    const id = sequence * pendingMax + slot;
    this.#sources[slot] = source;
    this.#runs[slot] = run;
    this.#ids[slot] = id;
    if (source.holdsRun === "yes") this.#holding++;
    return id;
  }

  /** False when it has run or was cancelled. */
  cancel(id: EventId): boolean {
    const slot = id % pendingMax;
    return this.#ids[slot] === id && this.#remove(slot);
  }

  /** Cancels everything of a strand. O(pending). */
  clear(strand: Strand): number {
    let count = 0;
    for (let slot = 0; slot < this.#heap.slotCount; slot++) {
      if (this.#sources[slot]?.strand === strand && this.#remove(slot)) count++;
    }
    return count;
  }

  /** Nothing of the strand runs before `untilMs`; what falls due meanwhile runs then. */
  pause(strand: Strand, untilMs: number): void {
    strand.pausedUntilMs = Math.max(strand.pausedUntilMs, untilMs);
  }

  /** Calls `run` between events, after each `every` of them. What it throws fails the run. */
  check(every: number, run: () => void): void {
    const dueAt = this.#trace.count + every;
    this.#checks.push({ every, run, dueAt });
    this.#checkAt = Math.min(this.#checkAt, dueAt);
  }

  /** Says something about the event that runs now; shown with the last events. */
  note(value: unknown): void {
    this.#trace.note(value);
  }

  /** Makes a value part of the fingerprint. */
  mark(value: string | number): void {
    this.#trace.mark(value);
  }

  lastEvents(countMax?: number): readonly FiredEvent[] {
    return this.#trace.lastEvents(countMax);
  }

  /**
   * Waits for something real (a file that is read, a module that is loaded) while virtual time stands still. One at a time, in the order
   * in which they are asked for, so that their order is not the machine's.
   */
  outside<T>(work: () => Promise<T>): Promise<T> {
    this.#outsideCount++;
    const result = this.#outside.then(work);
    const goOn = (): void => {
      this.#outsideCount--;
      if (!this.#isParked || this.#outsideCount > 0) return;
      this.#isParked = false;
      this.#again();
    };
    this.#outside = result.then(goOn, goOn);
    return result;
  }

  /** Whether something real is being waited for. */
  get isOutside(): boolean {
    return this.#outsideCount > 0;
  }

  /** Runs events until nothing is left, a limit is reached, or somebody stops it. May be called again to go on. */
  run(limits: KernelLimits = {}): Promise<KernelEnd> {
    invariant(this.#finish === undefined, "a kernel runs once at a time");
    const { untilMs = Infinity, untilEvent = Infinity } = limits;
    this.#limits = { untilMs, untilEvent };
    this.#end = undefined;
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#again();
    });
  }

  stop(): void {
    this.#end ??= { why: "stopped" };
  }

  /** The first failure counts. Nothing runs after it. */
  fail(error: unknown): void {
    if (this.#end?.why !== "failed") this.#end = { why: "failed", error };
  }

  #step(): void {
    if (this.#outsideCount > 0) {
      this.#isParked = true;
      return;
    }
    try {
      while (this.#end === undefined && (this.#end = this.#reached()) === undefined) {
        if (this.#fire() === "drain") break;
      }
    } catch (error) {
      this.fail(error);
    }
    if (this.#end === undefined) return this.#again();
    const finish = this.#finish;
    this.#finish = undefined;
    finish?.(this.#end);
  }

  #reached(): KernelEnd | undefined {
    if (this.#trace.count >= this.#checkAt) this.#runChecks();
    if (this.#holding === 0 || this.#heap.topTime === Infinity) return { why: "empty" };
    if (this.#trace.count + 1 >= this.#limits.untilEvent) return { why: "event" };
    if (this.#heap.topTime <= this.#limits.untilMs) return undefined;
    this.#nowMs = this.#limits.untilMs;
    return { why: "time" };
  }

  #fire(): "drain" | "go on" {
    const atMs = this.#heap.topTime;
    const order = this.#heap.topOrder;
    const source = this.#sources[this.#heap.topSlot] as EventSource;
    if (source.strand.pausedUntilMs > atMs) {
      this.#heap.postponeTop(source.strand.pausedUntilMs);
      return "go on";
    }
    const slot = this.#heap.pop();
    const run = this.#runs[slot] as () => void;
    this.#release(slot, source);
    this.#nowMs = atMs;
    this.#trace.fired(source, atMs, order);
    run();
    return source.after;
  }

  #remove(slot: number): boolean {
    if (!this.#heap.remove(slot)) return false;
    this.#release(slot, this.#sources[slot] as EventSource);
    return true;
  }

  #release(slot: number, source: EventSource): void {
    this.#runs[slot] = nothing;
    this.#ids[slot] = -1;
    if (source.holdsRun === "yes") this.#holding--;
  }

  #runChecks(): void {
    this.#checkAt = Infinity;
    for (const check of this.#checks) {
      if (check.dueAt <= this.#trace.count) {
        check.dueAt = this.#trace.count + check.every;
        check.run();
      }
      this.#checkAt = Math.min(this.#checkAt, check.dueAt);
    }
  }
}

/**
 * Time has steps of 1/1024 ms, exact in binary, so that sums and differences of times are exact: whoever waits until a time is never told to wait
 * for a rest too small to pass.
 */
export function onGrid(ms: number): number {
  return Math.ceil(ms * 1_024) / 1_024;
}

const nothing = (): void => undefined;
