import { ConfigError } from "../errors/mod.ts";
import type { LimitStatus } from "./decision.ts";
import { keepsEntries, placeRule, type PlacedRule, type Rule } from "./rule.ts";
import type { Standing, Target } from "./store.ts";

/** The rules of one tier of a limiter, in their places. */
export class Plan {
  readonly rules: readonly PlacedRule[];
  readonly keepsEntries: boolean;
  readonly hasLeases: boolean;

  constructor(limiter: string, rules: readonly Rule[]) {
    if (rules.length === 0 || rules.length > rulesMax)
      throw new ConfigError("rules", rules.length, `1 to ${rulesMax} rules`);
    const names = rules.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new ConfigError("rules", twice, "a name for each rule that no other has");
    this.rules = rules.map((rule) => placeRule(limiter, rule));
    this.keepsEntries = rules.some(({ kind }) => keepsEntries(kind));
    this.hasLeases = rules.some(({ kind }) => kind === "concurrency");
  }

  targets(key: string): readonly Target[] {
    return this.rules.map((placed) => ({ placed, key: placed.rule.per === "everyone" ? "" : key }));
  }

  /** What a caller may know of standings, which are those of `targets`. */
  statuses(standings: readonly Standing[]): readonly LimitStatus[] {
    return this.rules.flatMap(({ rule }, index) => {
      const standing = standings[index];
      if (standing === undefined) return [];
      const { name, kind, limit, windowMs } = rule;
      const { remaining, fullAfterUs } = standing;
      return [{ name, kind, limit, windowMs, remaining, resetAfterMs: fullAfterUs / 1_000 }];
    });
  }

  /** How long a granted call is to wait: as the slowest rule says. */
  delayMs(standings: readonly Standing[]): number {
    return Math.max(0, ...standings.map(({ delayUs }) => delayUs)) / 1_000;
  }

  /** The rule that has to be waited for longest. */
  longest(standings: readonly Standing[]): { readonly name: string; readonly waitUs: number } {
    let found = { name: "", waitUs: 0 };
    for (const [index, { waitUs }] of standings.entries())
      if (waitUs > found.waitUs) found = { name: this.rules[index]?.rule.name ?? "", waitUs };
    return found;
  }
}

// Each costs its share of a take, and clients are told of each.
const rulesMax = 16;

/** The plans of a limiter: one for callers without a tier, when there are rules for all, and one a tier, which adds its own. */
export function plansOf(
  limiter: string,
  rules: readonly Rule[],
  tiers: Readonly<Record<string, readonly Rule[]>>,
): ReadonlyMap<string | undefined, Plan> {
  const plans = new Map<string | undefined, Plan>();
  const names = Object.keys(tiers);
  if (rules.length > 0 || names.length === 0) plans.set(undefined, new Plan(limiter, rules));
  for (const name of names) plans.set(name, new Plan(limiter, [...rules, ...(tiers[name] ?? [])]));
  return plans;
}
