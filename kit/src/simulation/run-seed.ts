import { abortable } from "../abort/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import { Chaos } from "./chaos.ts";
import type { DriverName } from "./driver-system.ts";
import { DeadlockError, LivenessError } from "./errors.ts";
import { drawPlan, type Fault } from "./fault.ts";
import { type LeakWatch, watchLeaks } from "./leaks-system.ts";
import { watchRejections } from "./rejections-system.ts";
import { type Phases, phasesOf, type Scenario } from "./scenario.ts";
import { type Strategy, strategyText } from "./strategy.ts";
import type { FiredEvent } from "./trace.ts";
import type { Waiting } from "./waits.ts";
import { world, type World } from "./world.ts";

/** How one seed of a scenario is run. */
export interface RunSeedOptions {
  readonly seed: number;
  /** Default: by the seed, so that a fleet has all of them. */
  readonly strategy?: Strategy | undefined;
  readonly driver?: DriverName | undefined;
  /** Indexes of the faults that stay in the plan. Default: all that are drawn. */
  readonly faults?: readonly number[] | undefined;
  /** Length of the chaos, instead of the scenario's. */
  readonly hours?: number | undefined;
  /** Stops before the event of that number; `onStop` may look at the world then. */
  readonly untilEvent?: number | undefined;
  readonly onStop?: ((world: World) => void) | undefined;
  /** `watch`: a real timer, file or socket fails the run, by name. Costs about a third. Default: do not. */
  readonly leaks?: "watch" | "ignore" | undefined;
}

/** Why a run failed. */
export interface RunFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly phase: keyof Phases | "open" | "check";
  readonly atMs: number;
  /** Number of the last event. */
  readonly event: number;
  readonly waiting: readonly Waiting[];
  readonly lastEvents: readonly FiredEvent[];
}

/** How a run went. */
export interface RunReport {
  readonly scenario: string;
  readonly seed: number;
  readonly strategy: string;
  readonly outcome: "passed" | "failed" | "stopped";
  readonly failure: RunFailure | undefined;
  /** The faults that were in the plan. */
  readonly plan: readonly Fault[];
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly hours: number | undefined;
}

/** Runs a scenario under one seed: warm-up, chaos, healing, liveness, check. Never rejects for what the scenario does. */
export async function runSeed(scenario: Scenario, options: RunSeedOptions): Promise<RunReport> {
  const { seed, driver, hours, strategy = strategyOfSeed(seed), faults } = options;
  const phases = phasesOf(scenario, hours);
  const here = world({ seed, strategy, driver, network: scenario.network });
  const rules = scenario.faults ?? [];
  const drawn = drawPlan(rules, here.kernel.random.stream("faults"), phases.chaosMs);
  const plan = faults === undefined ? drawn : drawn.filter(({ index }) => faults.includes(index));
  const course = new RunCourse(scenario, { world: here, phases, plan });
  const error = await course.run(options);
  const { kernel, waits, counters } = here;
  const failure: RunFailure | undefined =
    error === undefined
      ? undefined
      : {
          ...failureOf(error.fault),
          phase: course.phase,
          atMs: kernel.nowMs,
          event: kernel.events,
          waiting: waits.all,
          lastEvents: kernel.lastEvents(),
        };
  return {
    scenario: scenario.name,
    seed,
    strategy: strategyText(strategy),
    outcome: failure !== undefined ? "failed" : course.isOver ? "passed" : "stopped",
    failure,
    plan,
    hash: kernel.hash,
    events: kernel.events,
    virtualMs: kernel.nowMs,
    counters: counters.all,
    hours,
  };
}

/** Half of the seeds shuffle, a quarter each go by priorities and in the order of scheduling. */
function strategyOfSeed(seed: number): Strategy {
  if (seed % 4 === 1) return { kind: "pct", changes: 3 };
  return seed % 4 === 3 ? { kind: "fifo" } : { kind: "random" };
}

class RunCourse {
  phase: RunFailure["phase"] = "open";
  isOver = false;
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #phases: Phases;
  readonly #plan: readonly Fault[];

  constructor(
    scenario: Scenario,
    parts: { readonly world: World; readonly phases: Phases; readonly plan: readonly Fault[] },
  ) {
    this.#scenario = scenario;
    this.#world = parts.world;
    this.#phases = parts.phases;
    this.#plan = parts.plan;
  }

  async run({ untilEvent, onStop, leaks }: RunSeedOptions): Promise<{ readonly fault: unknown } | undefined> {
    const { kernel } = this.#world;
    using _rejections = watchRejections((reason) => kernel.fail(reason));
    using watch: LeakWatch | undefined =
      leaks === "watch"
        ? watchLeaks({ isOutside: () => kernel.isOutside, found: (leak) => kernel.fail(leak) })
        : undefined;
    void watch;
    await using _resources = this.#world.resources;
    try {
      await this.#world.run(() => this.#script(), { untilEvent });
      if (!this.isOver) onStop?.(this.#world);
      return undefined;
    } catch (fault) {
      return { fault };
    }
  }

  async #script(): Promise<void> {
    const here = this.#world;
    const { warmUpMs, chaosMs, livenessMs } = this.#phases;
    const healed = new AbortController();
    const chaos = new Chaos(here, this.#scenario.faults ?? []);
    const course = { phases: this.#phases, healed: healed.signal };
    const workload = await this.#within(livenessMs, () => this.#scenario.open(here, course));
    this.phase = "warmUpMs";
    await here.clock.sleep(warmUpMs);
    this.phase = "chaosMs";
    chaos.begin(this.#plan);
    await here.clock.sleep(chaosMs);
    this.phase = "livenessMs";
    await this.#within(livenessMs, async () => {
      await chaos.heal();
      healed.abort(new Error("all is healed"));
      await here.waits.until("harness", "the load to finish", workload.finish());
    });
    this.phase = "check";
    await this.#within(livenessMs, async () => await workload.check?.());
    this.isOver = true;
  }

  async #within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    const { clock, waits } = this.#world;
    const tooLate = new AbortController();
    // It does not hold the run: when nothing else is left, that is a deadlock, and said at once.
    const limit = clock.setTimer(ms, () => tooLate.abort(new LivenessError(ms, waits.all)), { holdsProcess: "no" });
    try {
      return await abortable(work(), tooLate.signal);
    } finally {
      limit.cancel();
    }
  }
}

function failureOf(fault: unknown): Pick<RunFailure, "name" | "message" | "stack"> {
  const { name, message } = errorRecord(fault);
  const isStuck = fault instanceof DeadlockError || fault instanceof LivenessError;
  return { name, message, stack: isStuck || !(fault instanceof Error) ? undefined : fault.stack };
}
