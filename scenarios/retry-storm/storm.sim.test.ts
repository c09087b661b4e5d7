import { expect, test } from "vitest";
import { world } from "ashlar/simulation";
import { policies } from "./policies.ts";
import { storm } from "./storm.ts";

// A fifth of the server and of the load of the documentation: the verdicts are the same where they do not hang on a thread.
const size = { workers: 4, perSecond: 140, stallAtMs: 2_000, lengthMs: 45_000 };
const undecided = ["3 retries, what waited 500 ms is dropped", "3 retries within a budget of 10 %"];
const decided = policies.filter(
  ({ name, recoversUpTo, neverFrom }) =>
    (recoversUpTo === Infinity || neverFrom === undefined) && !undecided.includes(name),
);

test.each(decided)("$name: recovers, or never does, as is known of it", async (policy) => {
  const here = world({ seed: 1 });
  const { start, result } = storm(here, policy, size);
  await here.run(async () => {
    await start();
    await here.clock.sleep(size.lengthMs);
  });
  const { recoveryS } = result();
  if (policy.recoversUpTo === 0) expect(recoveryS).toBeUndefined();
  else expect(recoveryS).toBeLessThan(30);
});
