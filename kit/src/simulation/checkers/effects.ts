import type { Violation } from "./violation.ts";

/** Something that happened outside: a charge, a mail, a row. `key` names what should have happened once. */
export interface Effect {
  readonly key: string;
}

/** How often each key may have happened, of those that were asked for. */
export type EffectTimes = "at most once" | "at least once" | "exactly once";

/**
 * Holds effects to `times`, a key. `due` names the keys that were asked for: an effect with another key is a violation in any
 * case, one that is missing unless `times` is "at most once".
 */
export function checkEffects<E extends Effect>(
  effects: readonly E[],
  times: EffectTimes,
  due: Iterable<string>,
): readonly Violation[] {
  const expected = new Set(due);
  const byKey = Map.groupBy(effects, ({ key }) => key);
  const repeated = times === "at least once" ? [] : [...byKey].filter(([, all]) => all.length > 1);
  const missing = times === "at most once" ? [] : [...expected].filter((key) => !byKey.has(key));
  const unasked = effects.filter(({ key }) => !expected.has(key));
  return [
    ...violation("effects: repeated", "happened more than once", repeated),
    ...violation("effects: missing", "never happened", missing),
    ...violation("effects: unasked", "happened although nobody asked for them", unasked),
  ];
}

function violation(rule: string, what: string, evidence: readonly unknown[]): readonly Violation[] {
  return evidence.length === 0 ? [] : [{ rule, message: `${evidence.length} effects ${what}`, evidence }];
}
