import { integerIn, numberIn } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";

/** How a child that died is started again. */
export interface RestartOptions {
  /** Back-off after the first death, 1 ms to 1 h. Default 100 ms. */
  readonly firstMs?: number | undefined;
  /** Growth from one back-off to the next, 1 to 10. Default 2. */
  readonly factor?: number | undefined;
  /** Longest back-off, at least `firstMs`. Default 30 s. */
  readonly capMs?: number | undefined;
  /** Ready for so long, a child begins again with the first back-off when it dies. Default 10 s. */
  readonly healthyMs?: number | undefined;
  /** Deaths within `windowMs` that are borne, 0 to 1,000; one more is a crash loop, and the child is given up. Default 5. */
  readonly crashesMax?: number | undefined;
  /** Default 1 min. */
  readonly windowMs?: number | undefined;
}

/** The options, resolved. */
export type RestartRules = { readonly [K in keyof RestartOptions]-?: number };

/** Deaths so far. */
export interface CrashHistory {
  /** Moments of the deaths within the window, oldest first. */
  readonly atMs: readonly number[];
  /** Deaths since it was last healthy. */
  readonly inARow: number;
}

/** What follows a death. */
export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: CrashHistory }
  | { readonly kind: "give up"; readonly history: CrashHistory };

/** No deaths yet. */
export const noCrashes: CrashHistory = { atMs: [], inARow: 0 };

/** Checks all options. Throws {@link ConfigError}. */
export function restartRules(options: RestartOptions = {}): RestartRules {
  const hourMs = 3_600_000;
  const firstMs = numberIn("restart.firstMs", options.firstMs ?? 100, { min: 1, max: hourMs });
  return {
    firstMs,
    factor: numberIn("restart.factor", options.factor ?? 2, { min: 1, max: 10 }),
    capMs: numberIn("restart.capMs", options.capMs ?? Math.max(30_000, firstMs), { min: firstMs, max: 24 * hourMs }),
    healthyMs: numberIn("restart.healthyMs", options.healthyMs ?? 10_000, { min: 0 }),
    crashesMax: integerIn("restart.crashesMax", options.crashesMax ?? 5, { min: 0, max: 1_000 }),
    windowMs: numberIn("restart.windowMs", options.windowMs ?? 60_000, { min: 1 }),
  };
}

/** A death at `nowMs` of a child that had been ready for `readyForMs` (0 when it never was). */
export interface Crash {
  readonly nowMs: number;
  readonly readyForMs: number;
}

/** Back-off between half and all of `firstMs * factor^n`, or the end. Pure but for the draw. At most `crashesMax` + 1 moments are kept. */
export function afterCrash(
  history: CrashHistory,
  { nowMs, readyForMs }: Crash,
  { rules, random }: { readonly rules: RestartRules; readonly random: Random },
): RestartDecision {
  const atMs = [...history.atMs, nowMs].filter((moment) => nowMs - moment < rules.windowMs);
  const inARow = readyForMs > 0 && readyForMs >= rules.healthyMs ? 1 : history.inARow + 1;
  if (atMs.length > rules.crashesMax) return { kind: "give up", history: { atMs, inARow } };
  const fullMs = Math.min(rules.capMs, rules.firstMs * rules.factor ** (inARow - 1));
  // At least half: without a lower bound several draws near zero would use up the limit of a crash loop in no time.
  const delayMs = Math.round(fullMs / 2 + (random.next() * fullMs) / 2);
  return { kind: "restart", delayMs, history: { atMs, inARow } };
}
