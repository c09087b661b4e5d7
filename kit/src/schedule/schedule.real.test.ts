import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { openAt, places } from "../registry/places.test-engines.ts";
import { openQueue, queue } from "../queue/mod.ts";
import { openSchedule } from "./schedule.ts";

test.for(places)(
  "three engines on one $name fire each time once, and go on when two of them are gone",
  async ({ make }, context) => {
    await using place = await make(context);
    const everyMs = 100;
    await using first = await openAt(place.address);
    const ticks = await openQueue({ engine: first, queue: queue<number>("ticks") });
    const open = async (stack: AsyncDisposableStack): Promise<void> => {
      const engine = stack.use(await openAt(place.address));
      const jobs = await openQueue({ engine, queue: queue<number>("ticks") });
      const input = ({ scheduledAtMs }: { readonly scheduledAtMs: number }): number => scheduledAtMs;
      const schedules = [{ name: "tick", everyMs, queue: jobs, input, catchUp: "all" as const }] as const;
      stack.use(await openSchedule({ engine, schedules }));
    };
    await using last = new AsyncDisposableStack();
    await open(last);
    {
      await using others = new AsyncDisposableStack();
      await open(others);
      await open(others);
      await systemClock.sleep(700);
    }
    await systemClock.sleep(400);
    const times = (await Array.fromAsync(ticks.jobs())).map(({ input }) => input);
    const start = times[0] ?? 0;
    expect(times.length).toBeGreaterThanOrEqual(9);
    expect(times).toEqual(times.map((_, index) => start + index * everyMs));
  },
);
