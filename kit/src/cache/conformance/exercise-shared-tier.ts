import { manualClock } from "../../clock/mod.ts";
import { entryRules } from "./entry-rules.ts";
import { invalidationRules } from "./invalidation-rules.ts";
import { leaseRules } from "./lease-rules.ts";
import type { OpenTier, Rule, TestFunction } from "./rule.ts";

/** Every promise of the port, as rules that any shared tier can be held to. */
export const sharedTierRules: readonly Rule[] = [...entryRules, ...leaseRules, ...invalidationRules];

/** Registers one test a rule. Each opens a tier of its own and closes it. */
export function exerciseSharedTier(name: string, open: OpenTier, runner: { readonly test: TestFunction }): void {
  for (const rule of sharedTierRules) runner.test(`${name}: ${rule.name}`, () => prove(rule, open));
}

async function prove(rule: Rule, open: OpenTier): Promise<void> {
  const opened = await open({ clock: manualClock() });
  try {
    await rule.run(opened);
  } finally {
    await opened.dispose();
  }
}
