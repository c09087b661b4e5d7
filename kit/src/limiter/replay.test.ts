import { expect, test } from "vitest";
import { memoryStore } from "../limiter/memory/mod.ts";
import { fixedWindow, limiter, type Rule, slidingLog, tokenBucket } from "./mod.ts";
import { arrivals, type Expected, traceClock } from "./replay.test-trace.ts";

function ruleOf({ policy, parameters }: Expected): Rule {
  const { limit = 1, window_s: seconds = 1, rate_per_s: rate = 1, burst = 1 } = parameters;
  if (policy === "fixed_window_epoch_aligned") return fixedWindow({ limit, windowMs: seconds * 1_000 });
  if (policy === "sliding_log") return slidingLog({ limit, windowMs: seconds * 1_000 });
  return tokenBucket({ limit: rate, windowMs: 1_000, burst });
}

const trace = arrivals();
const rows = trace?.expected ?? [
  { policy: "the data is not beside the checkout", parameters: {}, offered: 0, allowed: 0 },
];

test.skipIf(trace === undefined).each(rows)(
  "of an hour of real requests exactly as many pass $policy $parameters as exact arithmetic lets",
  (expected) => {
    const { arrivalsUs } = trace ?? { arrivalsUs: [] };
    const clock = traceClock(arrivalsUs[0] ?? 0);
    const limit = limiter({ name: "replay", rules: [ruleOf(expected)], store: memoryStore({ clock }) });
    let allowed = 0;
    for (const arrivalUs of arrivalsUs) {
      clock.set(arrivalUs);
      if (limit.takeNow("all").allowed) allowed++;
    }
    expect({ offered: arrivalsUs.length, allowed }).toEqual({ offered: expected.offered, allowed: expected.allowed });
  },
);
