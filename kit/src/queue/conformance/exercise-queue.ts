import { manualClock } from "../../clock/mod.ts";
import { addingRules } from "./adding-rules.ts";
import { deadRules } from "./dead-rules.ts";
import { leaseRules } from "./lease-rules.ts";
import { orderRules } from "./order-rules.ts";
import type { OpenEngine, Rule } from "./rule.ts";
import { talkRules } from "./talk-rules.ts";
import { timeoutRules } from "./timeout-rules.ts";
import { workerRules } from "./worker-rules.ts";

/** The test function of a runner, for example that of vitest or `node:test`. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/** Every promise of the queue, as rules that any engine can be held to. */
export const queueRules: readonly Rule[] = [
  ...addingRules,
  ...orderRules,
  ...workerRules,
  ...leaseRules,
  ...deadRules,
  ...talkRules,
  ...timeoutRules,
];

/** Registers one test a rule. Each opens an engine of its own and closes it. */
export function exerciseQueue(name: string, open: OpenEngine, runner: { readonly test: TestFunction }): void {
  for (const rule of queueRules) runner.test(`${name}: ${rule.name}`, () => prove(rule, open));
}

async function prove(rule: Rule, open: OpenEngine): Promise<void> {
  const clock = manualClock();
  const { engine, dispose } = await open({ clock });
  try {
    await rule.run({ engine, clock });
  } finally {
    await dispose();
  }
}
