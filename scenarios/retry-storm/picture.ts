// Draws retry-storm.svg, from a copy of the storm at a fifth of its size: node --conditions=ashlar-source scenarios/retry-storm/picture.ts
import { writeFileSync } from "node:fs";
import { world } from "ashlar/simulation";
import { plot, type Series } from "./plot.ts";
import { policies } from "./policies.ts";
import { storm } from "./storm.ts";

const size = { workers: 4, perSecond: 140, stallAtMs: 20_000, lengthMs: 121_000 };

const drawn: Series[] = [];
for (const policy of policies) {
  const here = world({ seed: 1 });
  const { start, result } = storm(here, policy, size);
  await here.run(async () => {
    await start();
    await here.clock.sleep(size.lengthMs);
  });
  // What is begun in the last second is not over yet.
  drawn.push({ name: policy.name, seconds: result().seconds.slice(0, -1) });
}
writeFileSync(new URL("retry-storm.svg", import.meta.url), plot(drawn, [20, 30]));
