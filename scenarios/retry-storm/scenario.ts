import { type Scenario, scenario } from "ashlar/simulation";
import { policies } from "./policies.ts";
import { fullSize, storm } from "./storm.ts";

const rates = [500, 700, 800];

/**
 * A server that can do 1,000 requests a second stands still for ten seconds. Whether it comes back by itself is decided by the policies around
 * it, not by its speed: each seed has one policy and one rate, and must end as is known of it.
 */
export const retryStorm: Scenario = scenario({
  name: "retry-storm",
  about: "which policies let a server come back after a stall, and which keep it down for ever",
  phases: { warmUpMs: 0, chaosMs: fullSize.lengthMs, livenessMs: 60_000 },
  sometimes: policies.map(({ name }) => name),
  sometimesFrom: rates.length * policies.length,
  async open(world) {
    const cell = world.random("cell").integer(0, rates.length * policies.length - 1);
    const policy = policies[cell % policies.length];
    const perSecond = rates[Math.floor(cell / policies.length)] ?? 0;
    if (policy === undefined) throw new RangeError(`no policy ${cell}`);
    const { start, result } = storm(world, policy, { ...fullSize, perSecond });
    await start();
    return {
      finish: () => Promise.resolve(),
      check() {
        const { recoveryS, goodput, amplification } = result();
        world.sometimes(policy.name);
        const { recoversUpTo, neverFrom = recoversUpTo + 1 } = policy;
        const mustRecover = perSecond <= recoversUpTo && recoveryS === undefined;
        const mustNot = perSecond >= neverFrom && recoveryS !== undefined;
        if (mustRecover || mustNot)
          throw new Error(
            `recovery of "${policy.name}" at ${perSecond} requests a second: ${recoveryS ?? "never"} s, goodput ${goodput}, amplification ${amplification}`,
          );
      },
    };
  },
});
