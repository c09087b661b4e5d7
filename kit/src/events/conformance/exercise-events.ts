import { type ManualClock, manualClock } from "../../clock/mod.ts";
import { openEventStore } from "../mod.ts";
import { appendRules } from "./append-rules.ts";
import { commandRules } from "./command-rules.ts";
import { erasureRules } from "./erasure-rules.ts";
import { parkingRules } from "./parking-rules.ts";
import { projectionRules } from "./projection-rules.ts";
import type { EventsRule, OpenEventsEngine, TestFunction } from "./rule.ts";
import { sharingRules } from "./sharing-rules.ts";
import { subscriptionRules } from "./subscription-rules.ts";

const rules: readonly EventsRule[] = [
  ...appendRules,
  ...commandRules,
  ...subscriptionRules,
  ...parkingRules,
  ...sharingRules,
  ...projectionRules,
  ...erasureRules,
];

/** Registers one test for every promise of the events capability on an engine. Each opens an engine of its own on a manual clock, so nothing sleeps. */
export function exerciseEvents(
  name: string,
  openEngine: OpenEventsEngine,
  options: { readonly test: TestFunction },
): void {
  for (const rule of rules) options.test(`${name}: ${rule.name}`, () => proveRule(rule, openEngine));
}

async function proveRule(rule: EventsRule, openEngine: OpenEventsEngine): Promise<void> {
  const clock = manualClock();
  const fixture = await openEngine({ clock });
  try {
    const { engine, openAnother } = fixture;
    const store = await openEventStore({ engine });
    const proof = rule.run({ store, engine, clock, another: openAnother ?? (async () => engine) });
    await (rule.time === "flows" ? flow(clock, proof) : proof);
  } finally {
    await fixture.dispose();
  }
}

const stepsMax = 100_000;

async function flow(clock: ManualClock, proof: Promise<void>): Promise<void> {
  const progress = { isDone: false };
  const end = (): void => void (progress.isDone = true);
  proof.then(end, end);
  for (let step = 0; step < stepsMax && !progress.isDone; step++) await clock.advance(1);
  return proof;
}
