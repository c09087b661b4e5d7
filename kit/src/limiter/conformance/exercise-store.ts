import { manualClock } from "../../clock/mod.ts";
import { giveBackRules } from "./give-back-rules.ts";
import { proveHistory } from "./random-histories.ts";
import type { OpenStore, Skip, StoreRule, TestFunction } from "./rule.ts";
import { sharingRules } from "./sharing-rules.ts";
import { takeRules } from "./take-rules.ts";

/** How the suite runs. */
export interface ExerciseOptions {
  readonly test: TestFunction;
  /** Rules that this store cannot keep, each with its reason; every other one must pass. A name that is no rule is an error. */
  readonly skip?: readonly Skip[];
  /** Random histories that are compared with a model over the whole history: seeds from `firstSeed` (1), `count` (40), `steps` (60) each. */
  readonly histories?: { readonly firstSeed?: number; readonly count?: number; readonly steps?: number };
}

const rules: readonly StoreRule[] = [...takeRules, ...giveBackRules, ...sharingRules];

/** Registers one test for every rule of the port; a store is supported when all of them pass. Each opens a store of its own on a manual
 *  clock, so nothing sleeps. Rules and semantics: the README of the limiter folder. */
export function exerciseStore(name: string, openStore: OpenStore, options: ExerciseOptions): void {
  const { test, skip = [] } = options;
  const reasons = new Map(skip.map((entry) => [entry.name, entry.reason]));
  for (const rule of rules) {
    const reason = reasons.get(rule.name);
    reasons.delete(rule.name);
    if (reason === undefined) test(`${name}: ${rule.name}`, () => proveRule(rule, openStore));
    else test.skip(`${name}: ${rule.name} (skipped: ${reason})`, () => proveRule(rule, openStore));
  }
  const { firstSeed = 1, count = 40, steps = 60 } = options.histories ?? {};
  for (let seed = firstSeed; seed < firstSeed + count; seed++)
    test(`${name}: the random history of seed ${seed} agrees with the model`, () =>
      proveHistory(openStore, seed, steps));
  if (reasons.size > 0) throw new Error(`no such rules to skip: ${[...reasons.keys()].join("; ")}`);
}

async function proveRule(rule: StoreRule, openStore: OpenStore): Promise<void> {
  const clock = manualClock();
  const fixture = await openStore({ clock });
  try {
    await rule.run({ store: fixture.store, clock, fixture });
  } finally {
    await fixture.dispose();
  }
}
