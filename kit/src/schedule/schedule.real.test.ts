import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openQueue, queue } from "../queue/mod.ts";
import { openSchedule } from "./schedule.ts";

test("three engines on one file fire each time once, and go on when two of them are gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-schedule-"));
  const everyMs = 100;
  try {
    await using first = await openSqliteEngine({ path: join(folder, "jobs.db"), durability: "process" });
    const ticks = await openQueue({ engine: first, queue: queue<number>("ticks") });
    const open = async (stack: AsyncDisposableStack): Promise<void> => {
      const engine = stack.use(await openSqliteEngine({ path: join(folder, "jobs.db"), durability: "process" }));
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
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
