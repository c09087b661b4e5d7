/** Which algorithm judges a rule. */
export type RuleKind =
  | "token-bucket"
  | "leaky-bucket"
  | "fixed-window"
  | "sliding-window"
  | "sliding-log"
  | "concurrency";

/** One limit as plain data, so that a store can hand it to a script or a function of its server. Made by the factories of this folder. */
export interface Rule {
  readonly kind: RuleKind;
  /** Unique within a limiter; clients see it in the header fields. */
  readonly name: string;
  /** "key": each key has this limit to itself. "everyone": all keys share one. */
  readonly per: "key" | "everyone";
  /** What a call takes: its cost, or one permit whatever it costs. */
  readonly counts: "cost" | "calls";
  /** Permits per window; for "concurrency" permits held at once. */
  readonly limit: number;
  /** Length of the window; for "concurrency" of a lease. Milliseconds. */
  readonly windowMs: number;
  /** Permits that fit at once: the bucket's size; `limit` where the algorithm has none of its own. */
  readonly burst: number;
}

/** A rule and where its state lies. A rule whose figures change gets another space, so that it starts anew. */
export interface PlacedRule {
  readonly rule: Rule;
  readonly space: string;
}

/** Rules that keep one entry a permit instead of a few numbers a key. */
export function keepsEntries(kind: RuleKind): boolean {
  return kind === "sliding-log" || kind === "concurrency";
}

/** Where a limiter's state under one rule lies: changes with every figure of the rule. */
export function placeRule(limiter: string, rule: Rule): PlacedRule {
  const { name, kind, limit, windowMs, burst } = rule;
  return { rule, space: `${limiter}/${name}/${kind}:${limit}:${windowMs}:${burst}` };
}
