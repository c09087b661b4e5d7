import type { Clock } from "../../clock/mod.ts";
import type { LimiterStore, PlacedRule, Rule, Standing, StoreCall, Target, Verdict } from "../mod.ts";

/** A rule in a space of the suite. */
function place(rule: Rule): PlacedRule {
  return { rule, space: `suite/${rule.name}/${rule.kind}:${rule.limit}:${rule.windowMs}:${rule.burst}` };
}

export function targetsOf(rules: readonly Rule[], key = "ada"): readonly Target[] {
  return rules.map((rule) => ({ placed: place(rule), key: rule.per === "everyone" ? "" : key }));
}

/** One call of the suite. */
export interface TakeFacts {
  readonly key?: string;
  readonly cost?: number;
  readonly id?: string;
  readonly op?: "take" | "peek";
}

export function takeCall(
  rules: readonly Rule[],
  { key = "ada", cost = 1, id = "", op = "take" }: TakeFacts = {},
): StoreCall {
  return { op, targets: targetsOf(rules, key), cost, weight: cost, id };
}

/** The only verdict of a batch of one. */
export async function ask(store: LimiterStore, call: StoreCall): Promise<Verdict> {
  const [verdict] = await store.decide([call]);
  if (verdict === undefined) throw new Error("the store gave no verdict");
  return verdict;
}

export function take(store: LimiterStore, rules: readonly Rule[], facts: TakeFacts = {}): Promise<Verdict> {
  return ask(store, takeCall(rules, facts));
}

/** How many of `count` takes of one permit pass, one after another. */
export async function passes(store: LimiterStore, rule: Rule, count: number): Promise<number> {
  const calls = Array.from({ length: count }, (_, index) => takeCall([rule], { id: `${rule.name} ${index}` }));
  const verdicts = await store.decide(calls);
  return verdicts.filter(({ kind }) => kind === "granted").length;
}

export function giveBack(
  store: LimiterStore,
  rules: readonly Rule[],
  given: { readonly standings: readonly Standing[]; readonly key?: string },
): Promise<Verdict> {
  return ask(store, { op: "give-back", targets: targetsOf(rules, given.key), receipts: given.standings });
}

/** Milliseconds of the wall until the next multiple of `windowMs`. */
export function toNextWindow(clock: Clock, windowMs: number): number {
  return windowMs - (clock.now() % windowMs);
}
