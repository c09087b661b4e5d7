import { expect, test } from "vitest";
import { memoryStore } from "../limiter/memory/mod.ts";
import { limiter } from "./mod.ts";
import { arrivals, ruleOf, traceClock } from "./replay.test-trace.ts";

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
