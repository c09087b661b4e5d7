import { manualClock } from "../../clock/mod.ts";
import { cellRules } from "./cell-rules.ts";
import { commitRules } from "./commit-rules.ts";
import { faultScenarios } from "./fault-scenarios.ts";
import { keyRules } from "./key-rules.ts";
import { leaseRules } from "./lease-rules.ts";
import { logRules } from "./log-rules.ts";
import { malformedRules } from "./malformed-rules.ts";
import { queueRules } from "./queue-rules.ts";
import { seededRandom } from "../../random/mod.ts";
import { randomHistory, within } from "./history.ts";
import { proveHistory } from "./random-histories.ts";
import { refusalRules } from "./refusal-rules.ts";
import type { Lack, Need, OpenEngine, Rule, Skip, TestFunction } from "./rule.ts";
import { type OpenWhole, wholeFixture } from "./whole.ts";
import { raceScenarios } from "./race-scenarios.ts";
import { scanRules } from "./scan-rules.ts";

/** How the suite runs. */
export interface ExerciseOptions {
  readonly test: TestFunction;
  /** What this engine does not have: rules that need it are skipped, and it must be refused. Default: nothing. */
  readonly lacks?: readonly Lack[];
  /** Rules that this engine cannot keep, each with its reason; every other one must pass. A name that is no rule is an error. */
  readonly skip?: readonly Skip[];
  /** Random histories that are compared with the reference model: seeds from `firstSeed` (1), `count` (20) of them, `steps` (40) each. */
  readonly histories?: { readonly firstSeed?: number; readonly count?: number; readonly steps?: number };
}

const rules: readonly Rule[] = [
  ...commitRules,
  ...malformedRules,
  ...queueRules,
  ...leaseRules,
  ...keyRules,
  ...logRules,
  ...cellRules,
  ...scanRules,
  ...raceScenarios,
  ...faultScenarios,
];

/** Registers one test for every rule of the engine port; an engine is supported when all of them pass. Each opens an engine of its own on
 *  a manual clock, so nothing sleeps. Rules and semantics: the README of the engine folder. */
export function exerciseEngine(name: string, openEngine: OpenEngine, options: ExerciseOptions): void {
  const { test, skip = [], lacks = [] } = options;
  const openWhole: OpenWhole = async (given) => wholeFixture(await openEngine(given));
  const reasons = new Map(skip.map((entry) => [entry.name, entry.reason]));
  for (const rule of [...rules, ...refusalRules(lacks)]) {
    const lacking = rule.needs?.find((need) => isLacking(need, lacks));
    const reason = reasons.get(rule.name) ?? (lacking === undefined ? undefined : `the engine has no ${lacking}`);
    reasons.delete(rule.name);
    if (reason === undefined) test(`${name}: ${rule.name}`, () => proveRule(rule, openWhole));
    else test.skip(`${name}: ${rule.name} (skipped: ${reason})`, () => proveRule(rule, openWhole));
  }
  exerciseHistories(name, openWhole, options);
  if (reasons.size > 0) throw new Error(`no such rules to skip: ${[...reasons.keys()].join("; ")}`);
}

function isLacking(need: Need, lacks: readonly Lack[]): boolean {
  return need === "notes" ? lacks.includes("events") && lacks.includes("cells") : lacks.includes(need);
}

async function proveRule(rule: Rule, openWhole: OpenWhole): Promise<void> {
  const clock = manualClock();
  const fixture = await openWhole({ clock });
  try {
    await rule.run({ engine: fixture.engine, clock, fixture });
  } finally {
    await fixture.dispose();
  }
}

function exerciseHistories(name: string, openWhole: OpenWhole, options: ExerciseOptions): void {
  const { test, histories = {}, lacks = [] } = options;
  const { firstSeed = 1, count = 20, steps = 40 } = histories;
  for (let seed = firstSeed; seed < firstSeed + count; seed++)
    test(`${name}: the random history of seed ${seed} agrees with the reference model`, () =>
      proveHistory(openWhole, within(randomHistory(seededRandom(seed), steps), lacks), seed));
}
