import { describe, expect, test } from "vitest";
import { subscribe } from "../telemetry/mod.ts";
import { DurabilityError, LeaseLostError, type TransactionalEngine } from "../engine/mod.ts";
import { type Fate, leaveInDoubt } from "../engine/doubt.test-engine.ts";
import { ConfigError } from "../errors/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { RunNotFoundError, type RunSummary, saga } from "./mod.ts";

const hourMs = 3_600_000;
const leaseMs = 3_000;
const twice = retryPlan({ attemptsMax: 2, firstMs: 1, jitter: "none" });

describe("steps", () => {
  test("of a long run go to pages, and a replay finds them all", async () => {
    let ran = 0;
    const long = saga("long", { version: "1", leaseMs }, async (input: { text: string }, context) => {
      let sum = 0;
      for (let index = 0; index < 200; index++)
        sum += (await context.step("work", () => (ran++, { index, pad: input.text.slice(0, 200) }))).index;
      await context.sleep("night", 5_000);
      return sum;
    });
    for (const store of ["memory", "sqlite"] as const) {
      ran = 0;
      await using world = await openWorld(store);
      const sagas = await world.open([long]);
      const run = await world.now(sagas.start(long, "r", { text: "x".repeat(5_000) }));
      const result = run.result();
      await world.clock.advance(10_000);
      expect(await result).toEqual({ status: "completed", output: 19_900 });
      expect(ran).toBe(200);
      const report = await world.now(sagas.inspect(long, "r"));
      expect(report?.steps.length).toBe(200);
      expect(report?.input).toEqual({ text: "x".repeat(5_000) });
    }
  });

  test("in parallel are safe: names identify them, and those that are recorded do not run again", async () => {
    const ran: string[] = [];
    const parallel = saga("parallel", { version: "1", leaseMs }, async (_: null, context) => {
      const branch = async (name: string): Promise<string> => {
        await context.step(`${name}1`, () => void ran.push(`${name}1`));
        await context.step(`${name}2`, () => void ran.push(`${name}2`));
        return name;
      };
      return await Promise.all(["a", "b", "c"].map(branch));
    });
    for (let call = 0; call < 10; call++) {
      ran.length = 0;
      await using world = await openWorld();
      let calls = 0;
      const sagas = await world.open([parallel], {
        probe: () => {
          if (calls++ === call) throw new Error("crash");
        },
      });
      const run = await world.now(sagas.start(parallel, "r", null));
      const result = run.result();
      await world.clock.advance(10_000);
      expect(await result).toEqual({ status: "completed", output: ["a", "b", "c"] });
      expect(new Set(ran).size).toBe(6);
    }
  });

  test("that take longer than timeoutMs are aborted and retried", async () => {
    let aborted = 0;
    const slow = saga("slow", { version: "1", retry: twice }, async (_: null, context) => {
      return await context.step(
        "call",
        async ({ attempt, signal }) => {
          if (attempt === 2) return "quick";
          signal.addEventListener("abort", () => aborted++);
          return await new Promise<string>(() => undefined);
        },
        { timeoutMs: 500 },
      );
    });
    await using world = await openWorld();
    const sagas = await world.open([slow]);
    const run = await world.now(sagas.start(slow, "r", null));
    const result = run.result();
    await world.clock.advance(1_000);
    expect(await result).toEqual({ status: "completed", output: "quick" });
    expect(aborted).toBe(1);
  });

  test("with long back-offs park the run, and their attempts survive a crash", async () => {
    const attempts: number[] = [];
    const patient = saga(
      "patient",
      { version: "1", leaseMs, retry: retryPlan({ attemptsMax: 4, firstMs: 60_000, jitter: "none" }) },
      async (_: null, context) => {
        await context.step("call", ({ attempt }) => {
          attempts.push(attempt);
          throw new Error("down");
        });
      },
    );
    await using world = await openWorld();
    let crashes = 1;
    const sagas = await world.open([patient], {
      probe: (point) => {
        if (point === "call:failed:after" && attempts.length === 2 && crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(patient, "r", null));
    const result = run.result();
    await world.clock.settle();
    expect((await world.now(sagas.inspect(patient, "r")))?.status).toBe("waiting");
    await world.clock.advance(600_000);
    expect(await result).toMatchObject({ status: "failed" });
    expect(attempts).toEqual([1, 2, 3, 4]);
  });

  test("in a transaction commit their statements and their record together", async () => {
    await using world = await openWorld("sqlite");
    let crashes = 2;
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      return await context.step.tx<number, { run(text: string): unknown }>("pay", (tx) => {
        tx.sql.run("create table if not exists paid(id text)");
        tx.sql.run("insert into paid values ('x')");
        return 1;
      });
    });
    const sagas = await world.open([paying], {
      probe: () => {
        if (crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(paying, "r", null));
    const result = run.result();
    await world.clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: 1 });
  });

  test.each<Fate>(["committed", "rolled back"])("in a transaction in doubt that was %s happen once", async (fate) => {
    await using world = await openWorld("sqlite");
    const paying = saga("paying", { version: "1", leaseMs }, async (_: null, context) => {
      return await context.step.tx<unknown, { run(text: string): unknown; all(text: string): unknown }>("pay", (tx) => {
        tx.sql.run("create table if not exists paid(id text)");
        tx.sql.run("insert into paid values ('x')");
        return tx.sql.all("select id from paid");
      });
    });
    leaveInDoubt(world.engine as TransactionalEngine<unknown>, fate);
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    const result = run.result();
    await world.clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: [{ id: "x" }] });
  });

  test("in a transaction are refused on an engine without", async () => {
    await using world = await openWorld("memory");
    const paying = saga("paying", { version: "1" }, async (_: null, context) => await context.step.tx("pay", () => 1));
    const sagas = await world.open([paying]);
    const run = await world.now(sagas.start(paying, "r", null));
    expect(await world.now(run.result())).toMatchObject({
      status: "failed",
      failure: { error: { code: "UNSUPPORTED" } },
    });
  });
});

test("a step that loses a lease of its own fails like any other", async () => {
  const losing = saga("losing", { version: "1", retry: twice }, async (_: null, context) => {
    await context.step("work", () => {
      throw new LeaseLostError("elsewhere", "7");
    });
  });
  await using world = await openWorld();
  const sagas = await world.open([losing]);
  const run = await world.now(sagas.start(losing, "r", null));
  expect(await world.now(run.result())).toMatchObject({ status: "failed", failure: { error: { code: "LEASE_LOST" } } });
});

test("time and chance are the same on every replay", async () => {
  const seen: unknown[] = [];
  const chancy = saga("chancy", { version: "1", leaseMs }, async (_: null, context) => {
    const drawn = [context.now(), context.random(), context.random()];
    seen.push(drawn);
    await context.step("use", () => drawn);
    await context.sleep("long", 10_000);
    return drawn;
  });
  await using world = await openWorld();
  const sagas = await world.open([chancy]);
  const run = await world.now(sagas.start(chancy, "r", null));
  const result = run.result();
  await world.clock.advance(20_000);
  expect(await result).toEqual({ status: "completed", output: seen[0] });
  expect(seen[1]).toEqual(seen[0]);
});

test("a fork has the steps before the named one behind it, and runs the rest anew", async () => {
  const ran: string[] = [];
  const forked = saga("forked", { version: "1" }, async (input: string, context) => {
    await context.step("a", ({ key }) => void ran.push(key));
    return await context.step("b", ({ key }) => (ran.push(key), input));
  });
  await using world = await openWorld();
  const sagas = await world.open([forked]);
  await world.now(sagas.start(forked, "r", "in"));
  const fork = await world.now(sagas.fork(forked, "r", { fromStep: "b", newId: "r2" }));
  expect(await world.now(fork.result())).toEqual({ status: "completed", output: "in" });
  expect(ran).toEqual(["forked/r/a", "forked/r/b", "forked/r2/b"]);
});

test("runs are listed by status and tag", async () => {
  const sleepy = saga("sleepy", { version: "1" }, async (delayMs: number, context) => {
    if (delayMs > 0) await context.sleep("s", delayMs);
  });
  await using world = await openWorld();
  const sagas = await world.open([sleepy]);
  await world.now(sagas.start(sleepy, "a", 0, { tags: ["vip"] }));
  await world.now(sagas.start(sleepy, "b", hourMs, { tags: ["vip"] }));
  await world.now(sagas.start(sleepy, "c", hourMs));
  const ids = async (query: Parameters<typeof sagas.list>[0]): Promise<string[]> => {
    const found: RunSummary[] = [];
    for await (const run of sagas.list(query)) found.push(run);
    return found.map((run) => run.id);
  };
  await world.clock.settle();
  expect(await ids({ status: "waiting" })).toEqual(["b", "c"]);
  expect(await ids({ tag: "vip" })).toEqual(["a", "b"]);
  expect(await ids({ limit: 1 })).toEqual(["a"]);
});

test("a drain lets the step in progress finish, and another executor goes on at once", async () => {
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const two = saga("two", { version: "1", leaseMs: hourMs }, async (_: null, context) => {
    await context.step("a", async () => (await gate.promise, void ran.push("a")));
    await context.step("b", () => void ran.push("b"));
  });
  await using world = await openWorld();
  const first = await world.open([two]);
  await world.now(first.start(two, "r", null));
  const closing = first[Symbol.asyncDispose]();
  gate.resolve();
  await world.now(closing);
  expect(ran).toEqual(["a"]);
  const second = await world.open([two]);
  expect(await world.now(second.run(two, "r").result())).toMatchObject({ status: "completed" });
  expect(ran).toEqual(["a", "b"]);
});

test("more runs than places wait in the store, and all of them end", async () => {
  let most = 0;
  let now = 0;
  const busy = saga("busy", { version: "1" }, async (n: number, context) => {
    await context.step("a", async () => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
    });
    return n;
  });
  await using world = await openWorld();
  const sagas = await world.open([busy], { concurrency: 8 });
  const runs = await world.now(
    Promise.all(Array.from({ length: 200 }, async (_, n) => await sagas.start(busy, `r${n}`, n))),
  );
  const outcomes = await world.now(Promise.all(runs.map(async (run) => await run.result())));
  expect(outcomes.every((outcome) => outcome.status === "completed")).toBe(true);
  expect(most).toBeLessThanOrEqual(8);
});

test("a start in the caller's commit runs when that has committed", async () => {
  const one = saga("one", { version: "1" }, async () => 1);
  await using world = await openWorld();
  const sagas = await world.open([one]);
  const flag = { space: "flags", key: "f" };
  await world.now(
    world.engine.commit([
      ...sagas.startChanges(one, "r", null),
      { op: "put", cell: flag, expect: "absent", value: "1" },
    ]),
  );
  expect(await world.now(sagas.run(one, "r").result())).toEqual({ status: "completed", output: 1 });
  const again = await world.now(world.engine.commit(sagas.startChanges(one, "r", null)));
  expect(again).toMatchObject({ committed: false, refusal: { kind: "cell-conflict" } });
});

test("result stops waiting by signal and by time, and leaves nothing behind", async () => {
  const sleepy = saga("sleepy", { version: "1" }, async (_: null, context) => await context.sleep("s", hourMs));
  await using world = await openWorld();
  const sagas = await world.open([sleepy]);
  const run = await world.now(sagas.start(sleepy, "r", null));
  await world.clock.settle();
  const timersBefore = world.clock.timersPending;
  const patience = run.result({ withinMs: 500 });
  const abort = new AbortController();
  const aborted = run.result({ signal: abort.signal }).catch((error: unknown) => error);
  await world.clock.advance(600);
  expect(await patience).toEqual({ status: "open" });
  abort.abort(new Error("enough"));
  expect(await aborted).toMatchObject({ message: "enough" });
  await world.clock.settle();
  expect(world.clock.timersPending).toBe(timersBefore);
});

test("options out of range and engines that keep too little are refused at start", async () => {
  await using world = await openWorld();
  expect(() => saga("s", { version: "1", leaseMs: 1 }, async () => 1)).toThrow(ConfigError);
  expect(() => saga("", { version: "1" }, async () => 1)).toThrow(ConfigError);
  await expect(world.open([saga("s", { version: "1", requires: "disk" }, async () => 1)])).rejects.toThrow(
    DurabilityError,
  );
  const one = saga("s", { version: "1" }, async () => 1);
  await expect(world.open([one, one])).rejects.toThrow(ConfigError);
});

test("telemetry tells of runs and steps", async () => {
  const events: string[] = [];
  using _runs = subscribe("ashlar.saga.run", (event) => void events.push(`run ${event.outcome}`));
  using _steps = subscribe(
    "ashlar.saga.step",
    (event) => void events.push(`${event.direction} ${event.step} ${event.outcome}`),
  );
  const told = saga("told", { version: "1", retry: twice }, async (_: null, context) => {
    await context.step("a", () => 1, { undo: () => undefined });
    context.fail("no");
  });
  await using world = await openWorld();
  const sagas = await world.open([told]);
  await world.now(sagas.start(told, "r", null));
  await world.clock.settle();
  expect(events).toEqual(["run started", "forward a done", "undo undo:a done", "run undone"]);
});

test("the result of a run that was never started, or is forgotten, is refused at once", async () => {
  const quick = saga("quick", { version: "1", keepMs: 1_000 }, async () => 1);
  await using world = await openWorld();
  const sagas = await world.open([quick]);
  await expect(world.now(sagas.run(quick, "nobody").result())).rejects.toThrow(RunNotFoundError);
  const run = await world.now(sagas.start(quick, "r", null));
  expect(await world.now(run.result())).toMatchObject({ status: "completed" });
  await world.clock.advance(1_001);
  await expect(world.now(run.result())).rejects.toThrow(RunNotFoundError);
});
