import { describe, expect, test } from "vitest";
import { retryPlan } from "../queue/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { type AnySaga, saga } from "./mod.ts";

const leaseMs = 3_000;
const twice = retryPlan({ attemptsMax: 2, firstMs: 1, jitter: "none" });

describe("needs attention", () => {
  function failingUndo(undone: string[], repaired: { is: boolean }): AnySaga {
    return saga("undoing", { version: "1", retry: twice }, async (_: null, context) => {
      await context.step("a", () => "A", { undo: () => void undone.push("a") });
      await context.step("b", () => "B", {
        undo: () => {
          if (!repaired.is) throw new Error("bank is closed");
          undone.push("b");
        },
      });
      context.fail("no");
    });
  }

  test("a compensation that fails for good waits for a person, and retry goes on where it stopped", async () => {
    const undone: string[] = [];
    const repaired = { is: false };
    const undoing = failingUndo(undone, repaired);
    await using world = await openWorld();
    const sagas = await world.open([undoing]);
    const run = await world.now(sagas.start(undoing, "r", null as never));
    const first = run.result();
    await world.clock.advance(100);
    expect(await first).toMatchObject({ status: "needs-attention", problem: { kind: "undo-failed", step: "undo:b" } });
    expect(undone).toEqual([]);
    repaired.is = true;
    await world.now(sagas.retry(undoing, "r"));
    await world.clock.advance(100);
    expect(await world.now(run.result())).toMatchObject({ status: "failed", compensated: ["b", "a"] });
    expect(undone).toEqual(["b", "a"]);
  });

  test("a person can skip it", async () => {
    const undone: string[] = [];
    const undoing = failingUndo(undone, { is: false });
    await using world = await openWorld();
    const sagas = await world.open([undoing]);
    const run = await world.now(sagas.start(undoing, "r", null as never));
    await world.clock.advance(100);
    await world.now(sagas.skip(undoing, "r", "undo:b"));
    await world.clock.advance(100);
    expect(await world.now(run.result())).toMatchObject({ status: "failed", compensated: ["a"] });
  });

  test("a step that must not be repeated is not, when its executor died in it: a person answers for it", async () => {
    let wired = 0;
    const wiring = saga("wiring", { version: "1", leaseMs }, async (_: null, context) => {
      return await context.step("wire", () => ++wired, { idempotent: "no", undo: () => undefined });
    });
    await using world = await openWorld();
    let crashes = 1;
    const sagas = await world.open([wiring], {
      probe: (point) => {
        if (point === "step:wire:before" && crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(wiring, "r", null));
    const result = run.result();
    await world.clock.advance(10_000);
    expect(await result).toMatchObject({
      status: "needs-attention",
      problem: { kind: "outcome-unknown", step: "wire" },
    });
    expect((await world.now(sagas.inspect(wiring, "r")))?.steps).toMatchObject([{ name: "wire", status: "begun" }]);
    await world.now(sagas.resolve(wiring, "r", "wire", 42));
    await world.clock.advance(100);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 42 });
    expect(wired).toBe(1);
  });

  test("a run whose executors die again and again stops, and is not lost in PENDING for ever (DBOS)", async () => {
    const poison = saga(
      "poison",
      { version: "1", leaseMs, crashesMax: 3 },
      async (_: null, context) => await context.step("a", () => 1),
    );
    await using world = await openWorld();
    let dies = 0;
    const sagas = await world.open([poison], {
      probe: (point) => {
        if (point === "step:a:before" && dies++ < 3) throw new Error("out of memory");
      },
    });
    const run = await world.now(sagas.start(poison, "r", null));
    const result = run.result();
    await world.clock.advance(60_000);
    expect(await result).toMatchObject({ status: "needs-attention", problem: { kind: "crashed" } });
    expect(dies).toBe(3);
    await world.now(sagas.retry(poison, "r"));
    await world.clock.advance(1_000);
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 1 });
  });

  test("a result that JSON would change is not dropped silently", async () => {
    const dating = saga(
      "dating",
      { version: "1" },
      async (_: null, context) => await context.step("when", () => new Date(0)),
    );
    await using world = await openWorld();
    const sagas = await world.open([dating]);
    const run = await world.now(sagas.start(dating, "r", null));
    expect(await world.now(run.result())).toMatchObject({
      status: "needs-attention",
      problem: { kind: "not-recordable", step: "when" },
    });
  });
});

test("a step that must not be repeated is not after its time is up either", async () => {
  let wired = 0;
  const wiring = saga("wiring", { version: "1", leaseMs, retry: twice }, async (_: null, context) => {
    const wire = (): Promise<never> => (wired++, new Promise<never>(() => undefined));
    return await context.step("wire", wire, { idempotent: "no", timeoutMs: 100 });
  });
  await using world = await openWorld();
  const sagas = await world.open([wiring]);
  const run = await world.now(sagas.start(wiring, "r", null));
  const result = run.result();
  await world.clock.advance(1_000);
  expect(await result).toMatchObject({ status: "needs-attention", problem: { kind: "outcome-unknown" } });
  await world.now(sagas.skip(wiring, "r", "wire"));
  await world.clock.advance(100);
  expect(await world.now(run.result())).toMatchObject({ status: "completed" });
  expect(wired).toBe(1);
});

test("a compensation with long back-offs parks, and goes on after a crash", async () => {
  const attempts: number[] = [];
  const patient = retryPlan({ attemptsMax: 5, firstMs: 60_000, jitter: "none" });
  const undoing = saga("undoing", { version: "1", leaseMs }, async (_: null, context) => {
    await context.step("a", () => 1, {
      retry: patient,
      undo: (_result, { attempt }) => {
        attempts.push(attempt);
        if (attempt < 4) throw new Error("closed");
      },
    });
    context.fail("no");
  });
  await using world = await openWorld();
  let crashes = 1;
  const sagas = await world.open([undoing], {
    probe: (point) => {
      if (point === "undo:a:failed:after" && attempts.length === 2 && crashes-- > 0) throw new Error("crash");
    },
  });
  const run = await world.now(sagas.start(undoing, "r", null));
  const result = run.result();
  await world.clock.settle();
  expect((await world.now(sagas.inspect(undoing, "r")))?.status).toBe("compensating");
  await world.clock.advance(600_000);
  expect(await result).toMatchObject({ status: "failed", compensated: ["a"] });
  expect(attempts).toEqual([1, 2, 3, 4]);
});

test("an output or a result that is too large for the store asks for attention instead of running for ever", async () => {
  const big = saga("big", { version: "1", leaseMs }, async (where: "output" | "step", context) => {
    if (where === "output") return "x".repeat(2_000_000);
    return await context.step("big", () => "x".repeat(2_000_000));
  });
  await using world = await openWorld();
  const sagas = await world.open([big]);
  for (const where of ["output", "step"] as const) {
    const run = await world.now(sagas.start(big, where, where));
    expect(await world.now(run.result())).toMatchObject({
      status: "needs-attention",
      problem: { kind: "not-recordable" },
    });
  }
});

test("a failed step that nobody awaits ends neither the process nor the run", async () => {
  const floating = saga(
    "floating",
    { version: "1", retry: retryPlan({ attemptsMax: 1, firstMs: 0 }) },
    async (_: null, context) => {
      void context.step("floating", () => {
        throw new Error("unseen");
      });
      return await context.step("seen", () => 1);
    },
  );
  await using world = await openWorld();
  const sagas = await world.open([floating]);
  const run = await world.now(sagas.start(floating, "r", null));
  expect(await world.now(run.result())).toEqual({ status: "completed", output: 1 });
});
