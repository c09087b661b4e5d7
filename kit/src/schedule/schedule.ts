import type { Timer } from "../clock/mod.ts";
import { ConfigError, integerIn } from "../errors/mod.ts";
import { type Change, type CommitResult, RefusedError } from "../engine/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { cellOf, firstState, readState, type ScheduleState, stateText } from "./schedule-state.ts";
import { type Resolved, resolved, type ScheduleEngine, type ScheduleEntry } from "./schedule-entry.ts";
import { latestTimes, type Timetable } from "./timetable.ts";

/** The schedules of this process, and where they are kept. */
export interface OpenScheduleOptions<Inputs extends readonly unknown[]> {
  readonly engine: ScheduleEngine;
  readonly schedules: readonly [...{ readonly [K in keyof Inputs]: ScheduleEntry<Inputs[K]> }];
  /** How late a firing can be when a bell was lost, 100 ms to 10 min. Default 30 s. */
  readonly pollMs?: number | undefined;
  /** Told of every fault, in the schedule's stack; what it throws is dropped. The firing is tried again. */
  readonly onFault?: ((fault: ScheduleFault) => void) | undefined;
}

/** A firing, or (without a name) a look at all schedules, that did not succeed. */
export interface ScheduleFault {
  readonly schedule: string | undefined;
  readonly error: unknown;
}

/** A schedule as all processes see it. */
export interface ScheduleStatus {
  readonly name: string;
  readonly timing: string;
  readonly flow: "open" | "paused";
  /** When it fires next; `undefined` while it is paused. */
  readonly nextAtMs: number | undefined;
  /** The time of the timetable for which it fired last. */
  readonly lastAtMs: number | undefined;
}

/** Schedules at work in this process. Closing it stops firing here; other processes go on. */
export interface Schedule extends AsyncDisposable {
  /** In the order given. */
  list(): Promise<readonly ScheduleStatus[]>;
  /** Stops a schedule in all processes, also across restarts. */
  pause(name: string): Promise<void>;
  /** Goes on with the next time; those in between do not fire. */
  resume(name: string): Promise<void>;
}

/** Fires schedules: each time of each timetable adds its job exactly once, however many processes run the same schedules, because the job and the
 *  step to the next time are one commit that expects the step before. Which times count is judged by the engine's clock: one that is put back
 *  by up to an hour fires nothing twice, one that is put back further starts the timetable again from its new now.
 *  A changed timetable takes effect with the next start. Throws {@link ConfigError}. Holds the process until it is closed. */
export async function openSchedule<const Inputs extends readonly unknown[]>(
  options: OpenScheduleOptions<Inputs>,
): Promise<Schedule> {
  // The inputs were checked entry by entry against their queues; from here on each entry is used only with its own.
  const entries = options.schedules as unknown as readonly ScheduleEntry<never>[];
  const schedule = new EngineSchedule({ ...options, schedules: entries });
  await schedule.open();
  return schedule;
}

interface Seen {
  readonly entry: Resolved;
  readonly state: ScheduleState;
  readonly version: number;
}

interface Step {
  readonly times: readonly number[];
  readonly nextAtMs: number;
  readonly nowMs: number;
}

const fired = telemetryChannel("ashlar.schedule.fired");
const lateMaxMs = 60_000;
// After a fault or a full queue: soon enough not to matter, rare enough not to hurt.
const againMs = 1_000;
const triesMax = 100;
const stepBackMaxMs = 3_600_000;

class EngineSchedule implements Schedule {
  readonly #engine: ScheduleEngine;
  readonly #entries: readonly Resolved[];
  readonly #pollMs: number;
  readonly #onFault: (fault: ScheduleFault) => void;
  #bell: Disposable | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isRung = false;
  #isClosed = false;

  constructor(options: {
    readonly engine: ScheduleEngine;
    readonly schedules: readonly ScheduleEntry<never>[];
    readonly pollMs?: number | undefined;
    readonly onFault?: OpenScheduleOptions<[]>["onFault"];
  }) {
    this.#engine = options.engine;
    this.#pollMs = integerIn("pollMs", options.pollMs ?? 30_000, { min: 100, max: 600_000 });
    this.#onFault = guarded(options.onFault);
    this.#entries = options.schedules.map((entry) => resolved(entry, options.engine));
    const names = this.#entries.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new ConfigError("schedules", twice, "names that differ");
  }

  /** Registers what is new or changed, and starts. */
  async open(): Promise<void> {
    for (const entry of this.#entries)
      await this.#update(entry.name, (state, nowMs) => registered(entry, state, nowMs));
    this.#bell = this.#engine.bell(["cells:schedules"], () => this.#look());
    this.#look();
  }

  async list(): Promise<readonly ScheduleStatus[]> {
    const seen = await this.#read(this.#entries);
    return seen.map(({ entry, state }) => ({
      name: entry.name,
      timing: state.timing,
      flow: state.flow,
      nextAtMs: state.flow === "open" ? state.nextAtMs : undefined,
      lastAtMs: state.lastAtMs,
    }));
  }

  async pause(name: string): Promise<void> {
    await this.#update(name, (state) => state && { ...state, flow: "paused" });
  }

  async resume(name: string): Promise<void> {
    await this.#update(name, (state, nowMs) => {
      if (state?.flow !== "paused") return state;
      const { tableAt } = this.#entry(name);
      return { ...state, flow: "open", nextAtMs: tableAt(state.nextAtMs).next(behind(state, nowMs)), atMs: nowMs };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#bell?.[Symbol.dispose]();
    this.#timer?.cancel();
    await this.#looking;
  }

  #entry(name: string): Resolved {
    const entry = this.#entries.find((candidate) => candidate.name === name);
    if (entry === undefined) throw new ConfigError("name", name, "one of the opened schedules");
    return entry;
  }

  /** One look at a time; what rings during one is answered by another. */
  #look(): void {
    this.#isRung = true;
    if (this.#looking !== undefined || this.#isClosed) return;
    this.#looking = this.#lookWhileRung().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookWhileRung(): Promise<void> {
    while (this.#isRung && !this.#isClosed) {
      this.#isRung = false;
      const waitMs = await this.#fireDue();
      this.#timer?.cancel();
      if (!this.#isClosed) this.#timer = this.#engine.clock.setTimer(waitMs, () => this.#look());
    }
  }

  /** Fires what is due; answers how long to wait before the next look. */
  async #fireDue(): Promise<number> {
    try {
      const results = await Promise.all((await this.#read(this.#entries)).map((seen) => this.#fireOne(seen)));
      return Math.min(this.#pollMs, ...results);
    } catch (error) {
      this.#onFault({ schedule: undefined, error });
      return againMs;
    }
  }

  async #fireOne({ entry, state, version }: Seen): Promise<number> {
    const nowMs = this.#engine.clock.now();
    if (state.flow === "paused") return this.#pollMs;
    try {
      if (isFromFuture(state, nowMs)) return await this.#pullBack({ entry, state, version });
      if (state.nextAtMs > nowMs) return state.nextAtMs - nowMs;
      const table = entry.tableAt(state.nextAtMs);
      const times = timesToFire(entry, table, { dueMs: state.nextAtMs, nowMs });
      const nextAtMs = table.next(nowMs);
      const result = await this.#step({ entry, state, version }, { times, nextAtMs, nowMs });
      if (result.committed) return nextAtMs - nowMs;
      const { refusal } = result;
      // Another process was faster, or the schedule was changed: look again.
      if (refusal.kind === "cell-conflict") return 1;
      // The first change moves the schedule on, each one behind it adds one job: those before the refused one fit.
      const room = refusal.kind === "queue-full" ? result.index - 1 : 0;
      const later = times[room];
      if (room === 0 || later === undefined) throw new RefusedError(refusal);
      // All of them may be more than the queue can ever take: as many as it has room for, the earliest first.
      await this.#step({ entry, state, version }, { times: times.slice(0, room), nextAtMs: later, nowMs });
      return againMs;
    } catch (error) {
      this.#onFault({ schedule: entry.name, error });
      return againMs;
    }
  }

  /** Adds the jobs of these times and moves on to `nextAtMs`, in one commit. */
  async #step({ entry, state, version }: Seen, { times, nextAtMs, nowMs }: Step): Promise<CommitResult> {
    const next = { ...state, nextAtMs, lastAtMs: times.at(-1) ?? state.lastAtMs, atMs: nowMs };
    const put: Change = { op: "put", cell: cellOf(entry.name), expect: version, value: stateText(next) };
    const jobs = times.map((scheduledAtMs) => entry.add({ schedule: entry.name, scheduledAtMs }));
    const result = await this.#engine.commit([put, ...jobs]);
    if (result.committed) tell(entry.name, times, nowMs);
    return result;
  }

  /** Starts again from now. Whoever else pulls it back does the same; the version lets one of them through. */
  async #pullBack({ entry, state, version }: Seen): Promise<number> {
    const atMs = this.#engine.clock.now();
    const nextAtMs = entry.tableAt(state.nextAtMs).next(atMs);
    const value = stateText({ ...state, nextAtMs, lastAtMs: undefined, atMs });
    const result = await this.#engine.commit([{ op: "put", cell: cellOf(entry.name), expect: version, value }]);
    return result.committed ? nextAtMs - atMs : 1;
  }

  async #read(entries: readonly Resolved[]): Promise<readonly Seen[]> {
    const cells = await this.#engine.get(entries.map(({ name }) => cellOf(name)));
    return entries.flatMap((entry, index) => {
      const cell = cells[index];
      return cell === undefined ? [] : [{ entry, state: readState(cell.value), version: cell.version }];
    });
  }

  /** Changes one schedule's state; another's change in between is taken into account. */
  async #update(
    name: string,
    change: (state: ScheduleState | undefined, nowMs: number) => ScheduleState | undefined,
  ): Promise<void> {
    const cell = cellOf(this.#entry(name).name);
    for (let tries = 1; ; tries++) {
      const [current] = await this.#engine.get([cell]);
      const before = current === undefined ? undefined : readState(current.value);
      const after = change(before, this.#engine.clock.now());
      if (after === undefined || after === before) return;
      const put: Change = { op: "put", cell, expect: current?.version ?? "absent", value: stateText(after) };
      const result = await this.#engine.commit([put]);
      if (result.committed) return;
      if (result.refusal.kind !== "cell-conflict" || tries >= triesMax) throw new RefusedError(result.refusal);
    }
  }
}

/** The state after opening: a new or changed timetable starts from now, a known one goes on where it was. */
function registered(entry: Resolved, state: ScheduleState | undefined, nowMs: number): ScheduleState {
  const table = entry.tableAt(nowMs);
  if (state?.timing === table.text) return state;
  return {
    ...(state ?? firstState),
    timing: table.text,
    nextAtMs: table.next(behind(state, nowMs)),
    atMs: nowMs,
  };
}

/** From when on a timetable that is taken up goes: not from a now that was put back behind what has fired, unless by so much that the clock
 *  had been wrong. */
function behind(state: ScheduleState | undefined, nowMs: number): number {
  const lastAtMs = state?.lastAtMs ?? nowMs;
  return lastAtMs - nowMs > stepBackMaxMs ? nowMs : Math.max(nowMs, lastAtMs);
}

/** Whether the last step was decided by a clock that has been put back a long way since: it had been wrong, and nothing would fire until
 *  that time comes. After a small step the schedule waits instead, so that no time fires twice. */
function isFromFuture({ atMs }: ScheduleState, nowMs: number): boolean {
  return atMs !== undefined && atMs - nowMs > stepBackMaxMs;
}

function guarded(onFault: ((fault: ScheduleFault) => void) | undefined): (fault: ScheduleFault) => void {
  return (fault) => {
    try {
      onFault?.(fault);
    } catch {
      // The listener is told of faults; there is nobody to tell of its own.
    }
  };
}

function timesToFire(
  { catchUp, catchUpMax }: Resolved,
  table: Timetable,
  { dueMs, nowMs }: { readonly dueMs: number; readonly nowMs: number },
): readonly number[] {
  const times = latestTimes(table, { dueMs, nowMs, limit: catchUp === "all" ? catchUpMax : 1 });
  return catchUp === "none" ? times.filter((at) => nowMs - at <= lateMaxMs) : times;
}

function tell(schedule: string, times: readonly number[], nowMs: number): void {
  if (!fired.active) return;
  for (const dueAtMs of times) fired.publish({ schedule, dueAtMs, lateMs: nowMs - dueAtMs });
}
