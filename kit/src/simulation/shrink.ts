import { runSeed, type RunReport, type RunSeedOptions } from "./run-seed.ts";
import type { Scenario } from "./scenario.ts";
import { strategyOf } from "./strategy.ts";

/** Runs that shrinking may cost by default. */
const runsDefault = 200;

/**
 * The smallest plan found with which the run still fails in the same way: faults are left out by halves, quarters and so on, until none can be
 * missed or `runsMax` runs are spent. Nothing else of the run changes. Source: delta debugging (Zeller and Hildebrandt 2002).
 */
export async function shrink(scenario: Scenario, failed: RunReport, runsMax: number = runsDefault): Promise<RunReport> {
  const options: RunSeedOptions = {
    seed: failed.seed,
    strategy: strategyOf(failed.strategy),
    ...(failed.hours === undefined ? {} : { hours: failed.hours }),
  };
  let best = failed;
  let runs = 0;
  const stillFails = async (faults: readonly number[]): Promise<boolean> => {
    if (runs++ >= runsMax) return false;
    const report = await runSeed(scenario, { ...options, faults });
    if (signatureOf(report) !== signatureOf(failed)) return false;
    best = report;
    return true;
  };
  if (best.plan.length > 0 && (await stillFails([]))) return best;
  for (let parts = 2; best.plan.length > 1;) {
    const kept = best.plan.map(({ index }) => index);
    const size = Math.ceil(kept.length / parts);
    const without = await firstThat(chunks(kept, size), async (chunk) =>
      stillFails(kept.filter((index) => !chunk.includes(index))),
    );
    if (without !== undefined) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts = Math.min(kept.length, parts * 2);
  }
  return best;
}

/** What makes two failures the same: their kind, and the rule that was broken. Numbers in messages differ from run to run. */
export function signatureOf({ failure }: RunReport): string {
  return failure === undefined
    ? "passed"
    : `${failure.name}: ${failure.message.split(":")[0]?.replaceAll(/\d+/g, "#")}`;
}

function chunks(items: readonly number[], size: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}

async function firstThat<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await holds(item)) return item;
  return undefined;
}
