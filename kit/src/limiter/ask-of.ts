import { ConfigError, integerIn } from "../errors/mod.ts";
import type { Plan } from "./plan.ts";

/** What both kinds of limiter have. */
export interface TakeSettings {
  readonly name: string;
  readonly plans: ReadonlyMap<string | undefined, Plan>;
  readonly factor: () => number;
  readonly nextId: () => string;
}

const keyLengthMax = 512;
const costMax = 1e9;
const factorMin = 0.001;

/** Throws ConfigError: a tier that is not there is a bug of the caller, not a refusal. */
export function planOf(plans: TakeSettings["plans"], tier: string | undefined): Plan {
  const plan = plans.get(tier);
  if (plan === undefined) throw new ConfigError("tier", tier, `one of ${[...plans.keys()].map(String).join(", ")}`);
  return plan;
}

export function checkedKey(key: string): string {
  if (key.length <= keyLengthMax) return key;
  throw new ConfigError("key", key.length, `a text of at most ${keyLengthMax} characters`);
}

export function checkedCost(cost: number): number {
  return cost === 1 ? cost : integerIn("cost", cost, { min: 1, max: costMax });
}

/** What a cost weighs at present. A factor that is no number counts as 1. */
export function weightOf(cost: number, factor: number): number {
  return factor < 1 ? cost / Math.max(factorMin, factor) : cost;
}
