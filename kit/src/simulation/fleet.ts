import { faultCounter } from "./chaos.ts";
import type { RunReport } from "./run-seed.ts";
import type { Scenario } from "./scenario.ts";
import { signatureOf } from "./shrink.ts";

/** What many seeds of a scenario came to. */
export interface FleetReport {
  readonly scenario: string;
  readonly seeds: number;
  readonly passed: number;
  /** One for each way to fail, the one with the fewest faults; with how many seeds failed so. */
  readonly failures: readonly { readonly run: RunReport; readonly seeds: readonly number[] }[];
  /** How often each thing was counted, over all runs. */
  readonly counters: Readonly<Record<string, number>>;
  /** What should have happened in one run at least, and never did. */
  readonly missing: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
}

const sometimesFromDefault = 100;

/** Adds runs up. */
export class FleetSum {
  readonly #scenario: Scenario;
  readonly #failures = new Map<string, { run: RunReport; readonly seeds: number[] }>();
  readonly #counters = new Map<string, number>();
  #seeds = 0;
  #passed = 0;
  #events = 0;
  #virtualMs = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  add(run: RunReport): void {
    this.#seeds++;
    this.#events += run.events;
    this.#virtualMs += run.virtualMs;
    for (const [name, count] of Object.entries(run.counters))
      this.#counters.set(name, (this.#counters.get(name) ?? 0) + count);
    if (run.failure === undefined) this.#passed++;
    else this.#failed(run);
  }

  report(): FleetReport {
    return {
      scenario: this.#scenario.name,
      seeds: this.#seeds,
      passed: this.#passed,
      failures: [...this.#failures.values()],
      counters: Object.fromEntries([...this.#counters].toSorted(([left], [right]) => (left < right ? -1 : 1))),
      missing: this.#missing(),
      events: this.#events,
      virtualMs: this.#virtualMs,
    };
  }

  #failed(run: RunReport): void {
    const signature = signatureOf(run);
    const known = this.#failures.get(signature);
    if (known === undefined) return void this.#failures.set(signature, { run, seeds: [run.seed] });
    known.seeds.push(run.seed);
    // By seed, so that the report does not depend on which core was faster.
    if (
      run.plan.length < known.run.plan.length ||
      (run.plan.length === known.run.plan.length && run.seed < known.run.seed)
    )
      known.run = run;
  }

  #missing(): readonly string[] {
    const { sometimes = [], faults = [], sometimesFrom = sometimesFromDefault } = this.#scenario;
    if (this.#seeds < sometimesFrom) return [];
    const wanted = [...faults.map(({ kind }) => faultCounter(kind)), ...sometimes];
    return wanted.filter((name) => !this.#counters.has(name));
  }
}

/** A fleet for people. */
export function fleetText(report: FleetReport, realMs: number): string {
  const perSecond = Math.round((report.seeds / realMs) * 1_000);
  const hours = report.virtualMs / 3_600_000;
  const head =
    `${report.scenario}: ${report.passed} of ${report.seeds} seeds passed in ${(realMs / 1_000).toFixed(1)} s ` +
    `(${perSecond} seeds/s, ${(report.events / realMs / 1_000).toFixed(2)} M events/s, ${hours.toFixed(1)} virtual hours)`;
  return [
    head,
    ...Object.entries(report.counters).map(([name, count]) => `  ${String(count).padStart(10)} ${name}`),
    ...report.missing.map((name) => `  never happened: ${name}`),
    ...report.failures.map(
      ({ run, seeds }) => `  ${seeds.length} seeds failed as seed ${run.seed}: ${signatureOf(run)}`,
    ),
  ].join("\n");
}
