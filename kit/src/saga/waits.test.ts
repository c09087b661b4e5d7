import { describe, expect, test } from "vitest";
import { retryPlan } from "../queue/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { type RunOutcome, saga, signal } from "./mod.ts";

const shipped = signal<{ carrier: string }>("shipped");
const hourMs = 3_600_000;
const once = retryPlan({ attemptsMax: 1, firstMs: 0 });

const awaiting = saga("awaiting", { version: "1", leaseMs: 3_000 }, async (_: null, context) => {
  await context.step("before", () => 1);
  const first = await context.signal(shipped, { withinMs: 4_000 });
  await context.step("between", () => 2);
  const second = await context.signal(shipped, { withinMs: 4_000 });
  return {
    first: first.received ? first.payload.carrier : "late",
    second: second.received ? second.payload.carrier : "late",
  };
});

describe("scenario 22, signal races", () => {
  // Moments in milliseconds at which two signals arrive, the second once more with the same id; waits end at 4,000 and at most 8,000.
  const moments = [0, 1, 2_000, 3_999, 4_000, 4_001, 6_000, 9_000];
  test.each(moments.flatMap((first) => moments.map((second) => [first, second] as const)))(
    "signals at %i and %i are each taken once or come after the end, and timeouts exclude them",
    async (first, second) => {
      await using world = await openWorld();
      const sagas = await world.open([awaiting]);
      const run = await world.now(sagas.start(awaiting, "r", null));
      const result = run.result();
      const sent = [
        { atMs: first, carrier: "A", dedupId: "1" },
        { atMs: second, carrier: "B", dedupId: "2" },
        { atMs: second, carrier: "B", dedupId: "2" },
      ].toSorted((left, right) => left.atMs - right.atMs);
      const told: Record<string, string[]> = { A: [], B: [] };
      let nowMs = 0;
      for (const { atMs, carrier, dedupId } of sent) {
        await world.clock.advance(atMs - nowMs);
        nowMs = atMs;
        told[carrier]?.push(await world.now(sagas.signal(awaiting, "r", shipped, { carrier }, { dedupId })));
      }
      await world.clock.advance(20_000);
      const outcome = (await result) as RunOutcome<{ first: string; second: string }>;
      if (outcome.status !== "completed") throw new Error(outcome.status);
      const taken = [outcome.output.first, outcome.output.second].filter((carrier) => carrier !== "late");
      expect(new Set(taken).size).toBe(taken.length);
      for (const carrier of ["A", "B"]) {
        const deliveries = told[carrier] ?? [];
        if (taken.includes(carrier)) expect(deliveries[0]).toBe("delivered");
        if (deliveries[0] === "finished") expect(taken).not.toContain(carrier);
        // A wait was open for every delivered one, unless both timeouts had passed: two waits, two signals.
        if (deliveries[0] === "delivered") expect(taken).toContain(carrier);
        if (carrier === "B" && deliveries[0] === "delivered")
          expect(["duplicate", "finished"]).toContain(deliveries[1]);
      }
    },
  );

  test("a signal that is sent when nobody waits is kept (OpenWorkflow loses it)", async () => {
    const late = saga("late", { version: "1" }, async (_: null, context) => {
      await context.sleep("first", hourMs);
      return await context.signal(shipped);
    });
    await using world = await openWorld();
    const sagas = await world.open([late]);
    const run = await world.now(sagas.start(late, "r", null));
    expect(await world.now(sagas.signal(late, "r", shipped, { carrier: "A" }))).toBe("delivered");
    const result = run.result();
    world.clock.jump(hourMs);
    await world.clock.advance(6_000);
    expect(await result).toEqual({ status: "completed", output: { carrier: "A" } });
  });

  test("a signal to a finished or unknown run is told so", async () => {
    const quick = saga("quick", { version: "1" }, async () => 1);
    await using world = await openWorld();
    const sagas = await world.open([quick]);
    await world.now(sagas.start(quick, "r", null));
    await world.clock.settle();
    expect(await world.now(sagas.signal(quick, "r", shipped, { carrier: "A" }))).toBe("finished");
    expect(await world.now(sagas.signal(quick, "nobody", shipped, { carrier: "A" }))).toBe("unknown");
  });

  test("64 signals at once are each taken once, in some order", async () => {
    const many = saga("many", { version: "1" }, async (_: null, context) => {
      const taken: string[] = [];
      for (let index = 0; index < 64; index++) taken.push((await context.signal(shipped)).carrier);
      return taken;
    });
    await using world = await openWorld();
    const sagas = await world.open([many]);
    const run = await world.now(sagas.start(many, "r", null));
    const result = run.result();
    await world.now(
      Promise.all(
        Array.from(
          { length: 64 },
          async (_, index) => await sagas.signal(many, "r", shipped, { carrier: String(index) }),
        ),
      ),
    );
    await world.clock.advance(1_000);
    const outcome = await result;
    if (outcome.status !== "completed") throw new Error(outcome.status);
    expect(outcome.output.map(Number).toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: 64 }, (_, index) => index),
    );
  });
});

describe("race", () => {
  const racing = saga("racing", { version: "1" }, async (_: null, context) => {
    const won = await context.race({ note: context.signal(shipped), late: context.sleep("patience", 10_000) });
    if (won.winner === "late") return "late";
    return won.value.carrier;
  });

  test("the first branch wins and the other takes nothing", async () => {
    await using world = await openWorld();
    const sagas = await world.open([racing]);
    const [signalled, late] = [
      await world.now(sagas.start(racing, "s", null)),
      await world.now(sagas.start(racing, "l", null)),
    ];
    const results = Promise.all([signalled.result(), late.result()]);
    await world.now(sagas.signal(racing, "s", shipped, { carrier: "A" }));
    await world.clock.advance(11_000);
    expect(await results).toEqual([
      { status: "completed", output: "A" },
      { status: "completed", output: "late" },
    ]);
  });

  test("a branch that is not a wait of the call is refused", async () => {
    const wrong = saga(
      "wrong",
      { version: "1" },
      async (_: null, context) => await context.race({ a: Promise.resolve(1) }),
    );
    await using world = await openWorld();
    const sagas = await world.open([wrong]);
    const run = await world.now(sagas.start(wrong, "r", null));
    expect(await world.now(run.result())).toMatchObject({
      status: "failed",
      failure: { reason: "error", error: { code: "CONFIG" } },
    });
  });
});

describe("approval", () => {
  const asking = saga(
    "asking",
    { version: "1" },
    async (_: null, context) =>
      await context.approval("fraud", { withinMs: 2 * hourMs, otherwise: "reject", assignee: "risk" }),
  );

  test("shows who is asked, and gives the decision", async () => {
    await using world = await openWorld();
    const sagas = await world.open([asking]);
    const run = await world.now(sagas.start(asking, "r", null));
    await world.clock.settle();
    const report = await world.now(sagas.inspect(asking, "r"));
    expect(report?.waitingFor).toMatchObject([{ on: `approval "fraud" by risk` }]);
    const result = run.result();
    await world.now(sagas.approve(asking, "r", { name: "fraud", by: "kim" }));
    await world.clock.settle();
    expect(await result).toEqual({ status: "completed", output: { approved: true, by: "kim" } });
  });

  test("decides by itself when the time is up", async () => {
    await using world = await openWorld();
    const sagas = await world.open([asking]);
    const run = await world.now(sagas.start(asking, "r", null));
    const result = run.result();
    await world.clock.settle();
    world.clock.jump(2 * hourMs);
    await world.clock.advance(6_000);
    expect(await result).toMatchObject({ status: "completed", output: { approved: false } });
  });
});

describe("cancel", () => {
  test("a parked run is woken, compensates and ends as cancelled", async () => {
    const undone: string[] = [];
    const sleepy = saga("sleepy", { version: "1" }, async (_: null, context) => {
      await context.step("a", () => "A", { undo: (a) => void undone.push(a) });
      await context.sleep("long", hourMs);
    });
    await using world = await openWorld();
    const sagas = await world.open([sleepy]);
    const run = await world.now(sagas.start(sleepy, "r", null));
    const result = run.result();
    await world.clock.settle();
    expect(await world.now(sagas.cancel(sleepy, "r", "changed my mind"))).toBe("delivered");
    await world.clock.settle();
    expect(await result).toEqual({ status: "cancelled", reason: "changed my mind", compensated: ["a"] });
    expect(undone).toEqual(["A"]);
    expect(await world.now(sagas.cancel(sleepy, "r", "again"))).toBe("finished");
  });

  test("a running step is finished, recorded and undone; the code can see the wish", async () => {
    const log: string[] = [];
    const gate = Promise.withResolvers<string>();
    const busy = saga("busy", { version: "1" }, async (_: null, context) => {
      context.cancelled.addEventListener("abort", () => log.push("seen"));
      await context.step("long", () => gate.promise, { undo: (value) => void log.push(`undo ${value}`) });
      await context.step("never", () => void log.push("never"));
    });
    await using world = await openWorld();
    const sagas = await world.open([busy]);
    const run = await world.now(sagas.start(busy, "r", null));
    const result = run.result();
    await world.now(sagas.cancel(busy, "r", "stop"));
    gate.resolve("done");
    await world.clock.settle();
    expect(await result).toMatchObject({ status: "cancelled", compensated: ["long"] });
    expect(log).toEqual(["seen", "undo done"]);
  });

  test("a step that a dead executor may have done is finished before it is undone", async () => {
    const done = new Set<string>();
    const undone: string[] = [];
    const charging = saga("charging", { version: "1", leaseMs: 3_000 }, async (_: null, context) => {
      await context.step("charge", ({ key }) => void done.add(key), { undo: () => void undone.push("charge") });
      await context.step("ship", ({ key }) => void done.add(key));
    });
    await using world = await openWorld();
    let crashes = 1;
    const sagas = await world.open([charging], {
      probe: (point) => {
        if (point === "step:charge:before" && crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(charging, "r", null));
    await world.clock.settle();
    expect(done.size).toBe(1);
    await world.now(sagas.cancel(charging, "r", "stop"));
    const result = run.result();
    await world.clock.advance(10_000);
    expect(await result).toMatchObject({ status: "cancelled", compensated: ["charge"] });
    expect(undone).toEqual(["charge"]);
    expect([...done]).toEqual(["charging/r/charge"]);
  });

  test("is obeyed after a crash in the middle of its compensation", async () => {
    for (const crashPoint of [
      "stop:before",
      "stop:after",
      "undo:b:after",
      "undo:a:before",
      "finish:before",
      "finish:after",
    ]) {
      const undone: string[] = [];
      const two = saga("two", { version: "1", leaseMs: 3_000 }, async (_: null, context) => {
        await context.step("a", () => 1, { undo: () => void undone.push("a") });
        await context.step("b", () => 1, { undo: () => void undone.push("b") });
        await context.sleep("long", hourMs);
      });
      await using world = await openWorld();
      let crashes = 1;
      const sagas = await world.open([two], {
        probe: (point) => {
          if (point === crashPoint && crashes-- > 0) throw new Error("crash");
        },
      });
      const run = await world.now(sagas.start(two, "r", null));
      const result = run.result();
      await world.clock.settle();
      await world.now(sagas.cancel(two, "r", "stop"));
      await world.clock.advance(20_000);
      expect({ crashPoint, ...(await result) }).toEqual({
        crashPoint,
        status: "cancelled",
        reason: "stop",
        compensated: ["b", "a"],
      });
      expect([...new Set(undone)]).toEqual(["b", "a"]);
    }
  });
});

describe("child", () => {
  const child = saga("child", { version: "1", retry: once }, async (input: { fails: boolean }, context) => {
    await context.step("work", () => {
      if (input.fails) throw new Error("broken");
    });
    await context.sleep("rest", 5_000);
    return "child's";
  });

  test("runs on its own, and wakes its parent when it ends", async () => {
    const parent = saga(
      "parent",
      { version: "1" },
      async (_: null, context) => await context.child(child, "c1", { fails: false }),
    );
    await using world = await openWorld();
    const sagas = await world.open([parent, child]);
    const run = await world.now(sagas.start(parent, "p", null));
    const result = run.result();
    await world.clock.advance(5_001);
    await world.clock.settle();
    expect(await result).toEqual({ status: "completed", output: "child's" });
  });

  test("that fails throws into its parent, which compensates unless it catches", async () => {
    const parent = saga("parent", { version: "1" }, async (catches: "yes" | "no", context) => {
      try {
        return await context.child(child, `c-${catches}`, { fails: true });
      } catch (error) {
        if (catches === "no") throw error;
        return "plan B";
      }
    });
    await using world = await openWorld();
    const sagas = await world.open([parent, child]);
    const yes = await world.now(sagas.start(parent, "y", "yes"));
    const no = await world.now(sagas.start(parent, "n", "no"));
    const results = Promise.all([yes.result(), no.result()]);
    await world.clock.advance(100);
    expect(await results).toMatchObject([
      { status: "completed", output: "plan B" },
      { status: "failed", failure: { reason: "child-failed" } },
    ]);
  });

  test("that runs already with the same input is joined", async () => {
    const parent = saga(
      "parent",
      { version: "1" },
      async (_: null, context) => await context.child(child, "shared", { fails: false }),
    );
    await using world = await openWorld();
    const sagas = await world.open([parent, child]);
    await world.now(sagas.start(child, "shared", { fails: false }));
    const run = await world.now(sagas.start(parent, "p", null));
    const result = run.result();
    await world.clock.advance(5_100);
    expect(await result).toEqual({ status: "completed", output: "child's" });
  });

  test("is cancelled with its parent, and undone when it has completed", async () => {
    const undone: string[] = [];
    const parent = saga("parent", { version: "1" }, async (_: null, context) => {
      await context.child(child, "done", { fails: false }, { undo: (output) => void undone.push(output) });
      await context.child(child, "open", { fails: false });
    });
    await using world = await openWorld();
    const sagas = await world.open([parent, child]);
    const run = await world.now(sagas.start(parent, "p", null));
    const result = run.result();
    await world.clock.advance(6_000);
    await world.now(sagas.cancel(parent, "p", "stop"));
    await world.clock.advance(100);
    expect(await result).toMatchObject({ status: "cancelled", compensated: ["child:child/done"] });
    expect((await world.now(sagas.inspect(child, "open")))?.status).toBe("cancelled");
    expect(undone).toEqual(["child's"]);
  });

  test("a parent whose executor died before it heard of the child's end learns it", async () => {
    const parent = saga(
      "parent",
      { version: "1", leaseMs: 3_000 },
      async (_: null, context) => await context.child(child, "c", { fails: false }),
    );
    await using world = await openWorld();
    let crashes = 1;
    const sagas = await world.open([parent, child], {
      probe: (point, run) => {
        if (run.saga === "parent" && point === "park:before" && crashes-- > 0) throw new Error("crash");
      },
    });
    const run = await world.now(sagas.start(parent, "p", null));
    const result = run.result();
    await world.clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: "child's" });
  });
});
