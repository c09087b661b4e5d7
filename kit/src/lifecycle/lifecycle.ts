import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, DisposedError, integerIn, oneOf, textOf } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { type Closer, type CloserReport, closeInTurn, closeTogether } from "./closer.ts";
import { type Phase, phaseEndMs, phases, type PhaseShares, sharesOf } from "./phase.ts";
import { systemProcess } from "./process-system.ts";
import { outcomeOf, type PhaseReport, shutdownReport, type ShutdownReport } from "./shutdown-report.ts";
import { exitCodeOf, type ProcessPort, type StopSignal } from "./signals.ts";

const phaseEnded = telemetryChannel("ashlar.lifecycle.phase");

/** How a process stops. */
export interface OpenLifecycleOptions {
  /** Time for the whole shutdown, 1 ms to 1 h. Default 10 s; stay below what the supervisor or the scheduler grants before it kills. */
  readonly graceMs?: number | undefined;
  /** Wait, within `graceMs`, between `onDraining` and the first phase: load balancers need some time to look elsewhere. Default 0. */
  readonly announceMs?: number | undefined;
  /** How the rest of the time is divided. Default accept 0.1, finish 0.4, drain 0.3, close 0.2. */
  readonly shares?: Partial<PhaseShares> | undefined;
  /** Signals that begin a shutdown; none with `[]`. Default SIGTERM and SIGINT. */
  readonly signals?: readonly StopSignal[] | undefined;
  /** Called first of all, when a shutdown begins: where readiness turns to draining. What it throws is reported, and stops nothing. */
  readonly onDraining?: ((reason: string) => void) | undefined;
  /** Called last, before a shutdown that a signal has begun exits. What it throws is dropped. */
  readonly onStopped?: ((report: ShutdownReport) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** Default: this process. */
  readonly process?: ProcessPort | undefined;
}

/** The ordered end of a process. Disposing it stops, and rejects with the AggregateError of the report if there is one. */
export interface Lifecycle extends AsyncDisposable {
  readonly state: "running" | "stopping" | "stopped";
  /** Aborts when a shutdown begins. */
  readonly stopping: AbortSignal;
  /** Adds something to do; disposing takes it back. Throws {@link DisposedError} once its phase has begun: then close it yourself. */
  register(closer: Closer): Disposable;
  /** Registers the disposal of what was opened in the phase `close`, and returns it. */
  use<R extends AsyncDisposable | Disposable>(name: string, resource: R): R;
  /** Runs all phases once; every later call gets the same report. Never rejects. */
  stop(reason?: string): Promise<ShutdownReport>;
}

const closersMax = 10_000;

/** Listens for signals at once: the first begins the shutdown, after which the process exits with 0, or 1 when it did not go well;
 *  a second one exits at once with 128 and its number. Throws {@link ConfigError}. */
export async function openLifecycle(options: OpenLifecycleOptions = {}): Promise<Lifecycle> {
  return new ProcessLifecycle(options);
}

class ProcessLifecycle implements Lifecycle {
  readonly #clock: Clock;
  readonly #process: ProcessPort;
  readonly #graceMs: number;
  readonly #announceMs: number;
  readonly #shares: PhaseShares;
  readonly #hooks: Pick<OpenLifecycleOptions, "onDraining" | "onStopped">;
  readonly #closers: Record<Phase, Set<Closer>> = {
    accept: new Set(),
    finish: new Set(),
    drain: new Set(),
    close: new Set(),
  };
  readonly #stopping = new AbortController();
  readonly #begun = new Set<Phase>();
  readonly #listening: Disposable;
  #state: Lifecycle["state"] = "running";
  #report: Promise<ShutdownReport> | undefined;
  #signalled = 0;

  constructor(options: OpenLifecycleOptions) {
    const { clock = systemClock, process = systemProcess, onDraining, onStopped } = options;
    this.#clock = clock;
    this.#process = process;
    this.#graceMs = integerIn("graceMs", options.graceMs ?? 10_000, { min: 1, max: 3_600_000 });
    this.#announceMs = integerIn("announceMs", options.announceMs ?? 0, { min: 0, max: this.#graceMs });
    this.#shares = sharesOf(options.shares);
    this.#hooks = { onDraining, onStopped };
    const signals = options.signals ?? ["SIGTERM", "SIGINT"];
    for (const signal of signals) oneOf("signals", signal, ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);
    this.#listening = process.listen(signals, (signal) => this.#heard(signal));
  }

  get state(): Lifecycle["state"] {
    return this.#state;
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  register(closer: Closer): Disposable {
    textOf("name", closer.name);
    const { phase } = closer;
    oneOf("phase", phase, phases);
    if (this.#begun.has(phase)) throw new DisposedError(`the phase ${phase} of the shutdown`);
    if (this.#closers[phase].size >= closersMax)
      throw new ConfigError("closers", closersMax + 1, `at most ${closersMax} in a phase`);
    const own = { ...closer }; // the same closer may be registered twice
    this.#closers[phase].add(own);
    return { [Symbol.dispose]: () => void this.#closers[phase].delete(own) };
  }

  use<R extends AsyncDisposable | Disposable>(name: string, resource: R): R {
    const close = (): unknown =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]();
    this.register({ name, phase: "close", close });
    return resource;
  }

  stop(reason = "stop"): Promise<ShutdownReport> {
    return (this.#report ??= this.#run(reason));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { error } = await this.stop("disposed");
    if (error !== undefined) throw error;
  }

  #heard(signal: StopSignal): void {
    if (++this.#signalled > 1) return this.#process.exit(exitCodeOf(signal));
    void this.#stopAndExit(signal);
  }

  async #stopAndExit(signal: StopSignal): Promise<void> {
    const report = await this.stop(signal);
    try {
      this.#hooks.onStopped?.(report);
    } catch {
      // The report was the last thing to tell, and there is nobody left to tell of this.
    }
    this.#process.exit(report.outcome === "done" ? 0 : 1);
  }

  async #run(reason: string): Promise<ShutdownReport> {
    const startMs = this.#clock.monotonic();
    this.#state = "stopping";
    this.#stopping.abort(new DisposedError("the process"));
    const announced = this.#announce(reason);
    await this.#clock.sleep(this.#announceMs);
    const reports: PhaseReport[] = [];
    const phasesStartMs = startMs + this.#announceMs;
    for (const phase of phases) {
      const endMs = phasesStartMs + phaseEndMs(phase, this.#shares, this.#graceMs - this.#announceMs);
      reports.push(await this.#runPhase(phase, endMs, phase === "accept" ? announced : []));
    }
    this.#state = "stopped";
    // With a second signal still able to end what hangs, until the very end.
    this.#listening[Symbol.dispose]();
    return shutdownReport(reason, reports, this.#clock.monotonic() - startMs);
  }

  #announce(reason: string): CloserReport[] {
    try {
      this.#hooks.onDraining?.(reason);
      return [];
    } catch (error) {
      return [{ name: "onDraining", outcome: "failed", durationMs: 0, error }];
    }
  }

  async #runPhase(phase: Phase, endMs: number, before: readonly CloserReport[]): Promise<PhaseReport> {
    const startMs = this.#clock.monotonic();
    this.#begun.add(phase);
    const run = phase === "close" ? closeInTurn : closeTogether;
    const closers = [...before, ...(await run([...this.#closers[phase]], endMs, this.#clock))];
    const outcome = outcomeOf(closers);
    const durationMs = this.#clock.monotonic() - startMs;
    const unfinished = closers.filter(({ outcome }) => outcome === "overdue").length;
    if (phaseEnded.active) phaseEnded.publish({ phase, outcome, unfinished, durationMs });
    return { phase, outcome, durationMs, closers };
  }
}
