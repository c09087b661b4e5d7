import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openQueue, type Queue, queue } from "../queue/mod.ts";
import { openSchedule, type Schedule } from "./schedule.ts";
import type { Firing } from "./schedule-entry.ts";

const minuteMs = 60_000;
const startMs = Date.parse("2026-01-01T00:00:30Z");

interface Bed {
  readonly clock: ManualClock;
  readonly engine: Engine;
}

async function onMemory(run: (bed: Bed) => Promise<void>): Promise<void> {
  const clock = manualClock({ nowMs: startMs });
  await using engine = await openMemoryEngine({ clock });
  await run({ clock, engine });
}

async function onSqlite(run: (bed: Bed) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-schedule-"));
  try {
    const clock = manualClock({ nowMs: startMs });
    await using engine = await openSqliteEngine({ path: join(folder, "jobs.db"), durability: "process", clock });
    await run({ clock, engine });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const jobsOf = (engine: Engine): Promise<Queue<string>> => openQueue({ engine, queue: queue<string>("reports") });
const inputsOf = async (jobs: Queue<string>): Promise<readonly string[]> =>
  (await Array.fromAsync(jobs.jobs())).map(({ input }) => input);
const timeOf = ({ scheduledAtMs }: Firing): string => new Date(scheduledAtMs).toISOString().slice(11, 16);

async function open(
  engine: Engine,
  options: {
    readonly cron?: string;
    readonly everyMs?: number;
    readonly catchUp?: "latest" | "all" | "none";
    readonly catchUpMax?: number;
  },
): Promise<Schedule> {
  const jobs = await jobsOf(engine);
  const timing = options.everyMs === undefined && options.cron === undefined ? { cron: "* * * * *" } : {};
  return openSchedule({ engine, schedules: [{ name: "report", queue: jobs, input: timeOf, ...timing, ...options }] });
}

describe.each([
  ["memory", onMemory],
  ["sqlite", onSqlite],
])("on %s", (_name, on) => {
  test("a schedule adds its job at each of its times, and at no other", () =>
    on(async ({ clock, engine }) => {
      await using _schedule = await open(engine, { cron: "*/2 * * * *" });
      const jobs = await jobsOf(engine);
      await clock.advance(89_000);
      expect(await inputsOf(jobs)).toEqual([]);
      await clock.advance(1_000);
      expect(await inputsOf(jobs)).toEqual(["00:02"]);
      await clock.advance(4 * minuteMs);
      expect(await inputsOf(jobs)).toEqual(["00:02", "00:04", "00:06"]);
    }));

  test("each time fires once, however many run the schedule", () =>
    on(async ({ clock, engine }) => {
      await using _first = await open(engine, {});
      await using _second = await open(engine, {});
      await using _third = await open(engine, {});
      await clock.advance(5 * minuteMs);
      expect(await inputsOf(await jobsOf(engine))).toEqual(["00:01", "00:02", "00:03", "00:04", "00:05"]);
    }));

  test.each([
    ["latest", ["00:01", "00:11"]],
    ["all", ["00:01", "00:09", "00:10", "00:11"]],
    ["none", ["00:01", "00:11"]],
  ] as const)("a schedule survives a restart; missed times are caught up as it says: %s", (catchUp, expected) =>
    on(async ({ clock, engine }) => {
      {
        await using _before = await open(engine, { catchUp });
        await clock.advance(minuteMs);
      }
      await clock.advance(10 * minuteMs);
      await using _after = await open(engine, { catchUp, catchUpMax: 3 });
      await clock.settle();
      expect(await inputsOf(await jobsOf(engine))).toEqual(expected);
    }),
  );

  test("with catchUp none a time that is more than a minute late is gone", () =>
    on(async ({ clock, engine }) => {
      {
        await using _before = await open(engine, { cron: "0 * * * *", catchUp: "none" });
      }
      await clock.advance(65 * minuteMs);
      await using _after = await open(engine, { cron: "0 * * * *", catchUp: "none" });
      await clock.advance(56 * minuteMs);
      expect(await inputsOf(await jobsOf(engine))).toEqual(["02:00"]);
    }));

  test("an interval keeps its rhythm across restarts", () =>
    on(async ({ clock, engine }) => {
      {
        await using _before = await open(engine, { everyMs: 2 * minuteMs });
        await clock.advance(3 * minuteMs);
      }
      await clock.advance(30_000);
      await using after = await open(engine, { everyMs: 2 * minuteMs });
      const [status] = await after.list();
      expect(status).toEqual({
        name: "report",
        timing: "every 120000 ms",
        flow: "open",
        nextAtMs: startMs + 4 * minuteMs,
        lastAtMs: startMs + 2 * minuteMs,
      });
    }));

  test("a paused schedule fires nowhere, also after a restart, and resumes with its next time", () =>
    on(async ({ clock, engine }) => {
      await using first = await open(engine, {});
      await using second = await open(engine, {});
      await first.pause("report");
      await clock.advance(3 * minuteMs);
      expect((await second.list())[0]).toMatchObject({ flow: "paused", nextAtMs: undefined });
      await second.resume("report");
      await clock.advance(minuteMs);
      expect(await inputsOf(await jobsOf(engine))).toEqual(["00:04"]);
    }));
});

test("a changed timetable takes effect from now on", () =>
  onMemory(async ({ clock, engine }) => {
    {
      await using _old = await open(engine, { cron: "0 3 * * *" });
    }
    await using changed = await open(engine, { cron: "* * * * *" });
    expect((await changed.list())[0]?.nextAtMs).toBe(startMs + 30_000);
    await clock.settle();
  }));

test("a full queue delays a firing and does not lose it", () =>
  onMemory(async ({ clock, engine }) => {
    const jobs = await openQueue({ engine, queue: queue<string>("reports", { depthMax: 1 }) });
    const faults: unknown[] = [];
    await using _schedule = await openSchedule({
      engine,
      schedules: [{ name: "report", cron: "* * * * *", queue: jobs, input: timeOf, catchUp: "all" }],
      onFault: (fault) => faults.push(fault),
    });
    await clock.advance(2 * minuteMs);
    const [job] = await Array.fromAsync(jobs.jobs());
    expect([job?.input, faults.length > 0]).toEqual(["00:01", true]);
    await jobs.cancel(job?.id ?? "");
    await clock.advance(1_000);
    expect(await inputsOf(jobs)).toEqual(["00:02"]);
  }));

test("more missed times than the queue can ever take fire as there is room, the earliest first", () =>
  onMemory(async ({ clock, engine }) => {
    const jobs = await openQueue({ engine, queue: queue<string>("reports", { depthMax: 2 }) });
    const options = { cron: "* * * * *", queue: jobs, input: timeOf, catchUp: "all" } as const;
    await using first = await openSchedule({ engine, schedules: [{ name: "report", ...options }] });
    await first[Symbol.asyncDispose]();
    await clock.advance(5 * minuteMs);
    await using _second = await openSchedule({ engine, schedules: [{ name: "report", ...options }] });
    const fired: string[] = [];
    for (let round = 0; round < 3; round++) {
      await clock.advance(2_000);
      for (const { id, input } of await Array.fromAsync(jobs.jobs())) {
        fired.push(input);
        await jobs.cancel(id);
      }
    }
    expect(fired).toEqual(["00:01", "00:02", "00:03", "00:04", "00:05"]);
  }));

test("the wall clock stepping back fires nothing twice", () =>
  onMemory(async ({ clock, engine }) => {
    await using _schedule = await open(engine, {});
    await clock.advance(2 * minuteMs);
    clock.jump(-2 * minuteMs);
    await clock.advance(3 * minuteMs);
    expect(await inputsOf(await jobsOf(engine))).toEqual(["00:01", "00:02", "00:03"]);
  }));

test("a schedule that was paused while the wall clock was put back fires nothing twice", () =>
  onMemory(async ({ clock, engine }) => {
    await using schedule = await open(engine, {});
    await clock.advance(2 * minuteMs);
    await schedule.pause("report");
    clock.jump(-2 * minuteMs);
    await schedule.resume("report");
    await clock.advance(3 * minuteMs);
    expect(await inputsOf(await jobsOf(engine))).toEqual(["00:01", "00:02", "00:03"]);
  }));

test("a clock that ran ahead and was put right does not silence a schedule for longer than an hour", () =>
  onMemory(async ({ clock, engine }) => {
    await using schedule = await open(engine, {});
    await clock.advance(minuteMs);
    clock.jump(365 * 24 * 60 * minuteMs);
    await clock.advance(minuteMs);
    clock.jump(-365 * 24 * 60 * minuteMs);
    const jobs = await jobsOf(engine);
    const before = (await inputsOf(jobs)).length;
    await clock.advance(3 * minuteMs);
    const [status] = await schedule.list();
    // The first minute is over before the next look, which is up to pollMs away.
    expect((await inputsOf(jobs)).length - before).toBe(2);
    expect((status?.nextAtMs ?? 0) - clock.now()).toBeLessThanOrEqual(minuteMs);
  }));

test("a listener of faults that throws harms neither the schedule nor the process", () =>
  onMemory(async ({ clock, engine }) => {
    let calls = 0;
    const input = (firing: Firing): string => {
      if (++calls === 1) throw new Error("not now");
      return timeOf(firing);
    };
    const jobs = await jobsOf(engine);
    await using _schedule = await openSchedule({
      engine,
      schedules: [{ name: "report", cron: "* * * * *", queue: jobs, input }],
      onFault: () => {
        throw new Error("the logger is down");
      },
    });
    await clock.advance(2 * minuteMs);
    expect(await inputsOf(jobs)).toEqual(["00:01", "00:02"]);
  }));

test("mistakes are refused when the schedule is opened", () =>
  onMemory(async ({ engine }) => {
    const jobs = await jobsOf(engine);
    const entry = { name: "a", queue: jobs, input: "x" };
    const code = { code: "CONFIG" };
    await expect(openSchedule({ engine, schedules: [entry] })).rejects.toMatchObject(code);
    await expect(openSchedule({ engine, schedules: [{ ...entry, cron: "x" }] })).rejects.toMatchObject(code);
    await expect(openSchedule({ engine, schedules: [{ ...entry, everyMs: 1 }] })).rejects.toMatchObject(code);
    const twice = { ...entry, everyMs: 1_000 };
    await expect(openSchedule({ engine, schedules: [twice, twice] })).rejects.toMatchObject(code);
    await using other = await openMemoryEngine();
    await expect(openSchedule({ engine: other, schedules: [twice] })).rejects.toMatchObject(code);
  }));
