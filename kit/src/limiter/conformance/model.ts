import type { Rule } from "../mod.ts";

/** A take that was granted and not given back. Leases end at `untilUs`. */
export interface Take {
  readonly id: string;
  readonly atUs: bigint;
  readonly untilUs: bigint;
  readonly weight: bigint;
}

/** One question to the model. */
export interface Question {
  readonly atUs: bigint;
  readonly cost: bigint;
}

/**
 * Whether a rule lets a call pass after all the takes, which are given in their order: its definition word by word, over the whole history,
 * in whole numbers without rounding. Slow, and used by nothing but comparisons.
 */
export function fits(rule: Rule, takes: readonly Take[], { atUs, cost }: Question): boolean {
  const limit = BigInt(rule.limit);
  const windowUs = BigInt(rule.windowMs) * 1_000n;
  const sum = (some: readonly Take[]): bigint => some.reduce((total, { weight }) => total + weight, 0n);
  switch (rule.kind) {
    case "token-bucket":
    case "leaky-bucket": {
      // In no interval that ends now more than the burst and what the rate has brought since its begin.
      const burst = BigInt(rule.burst);
      const starts = [...takes, { atUs }];
      return starts.every(
        (start, index) => (sum(takes.slice(index)) + cost) * windowUs <= burst * windowUs + (atUs - start.atUs) * limit,
      );
    }
    case "fixed-window":
      return sum(takes.filter((take) => take.atUs / windowUs === atUs / windowUs)) + cost <= limit;
    case "sliding-window": {
      const window = atUs / windowUs;
      const current = sum(takes.filter((take) => take.atUs / windowUs === window));
      const previous = sum(takes.filter((take) => take.atUs / windowUs === window - 1n));
      return previous * (windowUs - (atUs % windowUs)) + (current + cost) * windowUs <= limit * windowUs;
    }
    case "sliding-log":
      return sum(takes.filter((take) => take.atUs > atUs - windowUs)) + cost <= limit;
    case "concurrency":
      return sum(takes.filter((take) => take.untilUs > atUs)) + cost <= limit;
    default:
      throw new TypeError(`unknown rule ${rule.kind satisfies never}`);
  }
}

/** How many permits would pass at once. */
export function remaining(rule: Rule, takes: readonly Take[], atUs: bigint): number {
  let fitting = 0;
  while (fits(rule, takes, { atUs, cost: BigInt(fitting + 1) })) fitting++;
  return fitting;
}
