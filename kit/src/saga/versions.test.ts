import { describe, expect, test } from "vitest";
import { openWorld } from "./crash.test-world.ts";
import { checkJournals, saga, signal } from "./mod.ts";

const hourMs = 3_600_000;
const leaseMs = 3_000;

describe("scenario 21, a changed definition", () => {
  const old = saga("shop", { version: "1", leaseMs }, async (_: null, context) => {
    const a = await context.step("reserve", () => "r1");
    const b = await context.step("charge", () => "c1");
    await context.sleep("pause", 10_000);
    return [a, b];
  });

  test("a run keeps its version while that is registered", async () => {
    const next = saga("shop", { version: "2", leaseMs }, async () => ["new"]);
    await using world = await openWorld();
    const sagas = await world.open([old]);
    await world.now(sagas.start(old, "r", null));
    const both = await world.open([old, next]);
    const result = both.run(old, "r").result();
    await world.clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: ["r1", "c1"] });
  });

  test("the same version with other steps stops with both lists, touches nothing, and goes on with the right code", async () => {
    let ran = 0;
    const changed = saga("shop", { version: "1", leaseMs }, async (_: null, context) => {
      await context.step("reserve", () => ++ran);
      await context.step("fraud check", () => ++ran);
      await context.step("charge", () => ++ran);
    });
    await using world = await openWorld();
    const first = await world.open([old]);
    await world.now(first.start(old, "r", null));
    await world.now(first[Symbol.asyncDispose]());
    const second = await world.open([changed]);
    const result = second.run(changed, "r").result();
    await world.clock.advance(20_000);
    const outcome = await result;
    expect(outcome).toMatchObject({ status: "needs-attention", problem: { kind: "mismatch" } });
    const message = outcome.status === "needs-attention" ? outcome.problem.error.message : "";
    expect(message).toContain(`first difference: the journal holds "charge" where the code asks for "fraud check"`);
    expect(message).toMatch(/recorded +current\n +reserve +reserve\n> charge +fraud check\n +sleep:pause +-/);
    expect(ran).toBe(0);
    await world.now(second[Symbol.asyncDispose]());
    const third = await world.open([old]);
    await world.now(third.retry(old, "r"));
    await world.clock.advance(20_000);
    expect(await world.now(third.run(old, "r").result())).toEqual({ status: "completed", output: ["r1", "c1"] });
  });

  test("a removed last step is a mismatch as well", async () => {
    const shorter = saga(
      "shop",
      { version: "1", leaseMs },
      async (_: null, context) => await context.step("reserve", () => "r"),
    );
    await using world = await openWorld();
    const first = await world.open([old]);
    await world.now(first.start(old, "r", null));
    await world.now(first[Symbol.asyncDispose]());
    const second = await world.open([shorter]);
    const result = second.run(shorter, "r").result();
    await world.clock.advance(20_000);
    expect(await result).toMatchObject({ status: "needs-attention", problem: { kind: "mismatch" } });
  });

  test("a version that nobody has registered waits, and goes on when somebody has", async () => {
    const next = saga("shop", { version: "2", leaseMs }, async () => ["new"]);
    await using world = await openWorld();
    const first = await world.open([old]);
    await world.now(first.start(old, "r", null));
    await world.now(first[Symbol.asyncDispose]());
    const second = await world.open([next]);
    const result = second.run(next, "r").result();
    await world.clock.advance(20_000);
    expect(await result).toMatchObject({ status: "needs-attention", problem: { kind: "unknown-version" } });
    const third = await world.open([old, next]);
    await world.clock.advance(40_000);
    expect(await world.now(third.run(old, "r").result())).toEqual({ status: "completed", output: ["r1", "c1"] });
  });

  test("a run at a checkpoint migrates", async () => {
    const tick = signal("tick");
    const counting = saga<null, number, { count: number }>(
      "counting",
      { version: "1", leaseMs },
      async (_, context) => {
        let count = context.restored?.count ?? 0;
        while (count < 3) {
          await context.signal(tick);
          count++;
          await context.checkpoint({ count });
        }
        return count;
      },
    );
    const later = saga<null, string, { total: number }>(
      "counting",
      { version: "2", leaseMs, migrate: { "1": (state) => ({ total: (state as { count: number }).count * 100 }) } },
      async (_, context) => `${context.restored?.total ?? 0} ${await context.step("end", () => "end")}`,
    );
    await using world = await openWorld();
    const first = await world.open([counting], {
      probe: (point) => {
        if (point === "checkpoint:after") throw new Error("crash");
      },
    });
    await world.now(first.start(counting, "r", null));
    await world.now(first.signal(counting, "r", tick, undefined));
    await world.now(first[Symbol.asyncDispose]());
    const second = await world.open([later]);
    const result = second.run(later, "r").result();
    await world.clock.advance(20_000);
    expect(await result).toEqual({ status: "completed", output: "100 end" });
  });
});

describe("checkpoint", () => {
  test("keeps a run of any length small, and its steps' keys apart", async () => {
    const keys = new Set<string>();
    const looping = saga<null, number, number>("looping", { version: "1", leaseMs }, async (_, context) => {
      for (let round = context.restored ?? 0; round < 50; round++) {
        await context.step("work", ({ key }) => void keys.add(key));
        await context.checkpoint(round + 1);
      }
      return 50;
    });
    await using world = await openWorld();
    const sagas = await world.open([looping]);
    const run = await world.now(sagas.start(looping, "r", null));
    expect(await world.now(run.result())).toEqual({ status: "completed", output: 50 });
    expect(keys.size).toBe(50);
    const [cell] = await world.now(world.engine.get([{ space: "saga-run:looping", key: "r" }]));
    expect(cell?.value.length).toBeLessThan(500);
  });

  test("while something else is in progress is refused", async () => {
    const wrong = saga("wrong", { version: "1" }, async (_: null, context) => {
      const open = context.sleep("open", hourMs);
      await context.step("a", () => 1);
      await context.checkpoint(1);
      await open;
    });
    await using world = await openWorld();
    const sagas = await world.open([wrong]);
    const run = await world.now(sagas.start(wrong, "r", null));
    expect(await world.now(run.result())).toMatchObject({
      status: "failed",
      failure: { error: { code: "SAGA_USAGE" } },
    });
  });
});

describe("checkJournals", () => {
  const recorded = saga("checked", { version: "1" }, async (input: number, context) => {
    await context.step("a", () => input, { undo: () => undefined });
    const won = await context.race({ late: context.sleep("late", 10), other: context.sleep("other", hourMs) });
    await Promise.all([context.step("b", () => 1), context.step("c", () => 2)]);
    await context.sleep("long", hourMs);
    if (input === 2) context.fail("two");
    return won.winner;
  });

  test("finds nothing where the code asks for everything recorded, also when it does more", async () => {
    await using world = await openWorld();
    const sagas = await world.open([recorded]);
    for (const input of [1, 2]) await world.now(sagas.start(recorded, `r${input}`, input));
    await world.clock.advance(100);
    const waiting = await world.now(
      Promise.all([1, 2].map(async (input) => await sagas.inspect(recorded, `r${input}`))),
    );
    world.clock.jump(hourMs);
    await world.clock.advance(6_000);
    const ended = await world.now(Promise.all([1, 2].map(async (input) => await sagas.inspect(recorded, `r${input}`))));
    const journals = [...waiting, ...ended].flatMap((report) => (report === undefined ? [] : [report.journal]));
    expect(journals.map((journal) => journal.entries.length)).toEqual([6, 6, 7, 9]);
    expect(await checkJournals(recorded, journals)).toEqual([]);
  });

  test("names the runs that a change would break, with both lists, and runs nothing", async () => {
    await using world = await openWorld();
    const sagas = await world.open([recorded]);
    await world.now(sagas.start(recorded, "r", 1));
    await world.clock.advance(100);
    const report = await world.now(sagas.inspect(recorded, "r"));
    let ran = 0;
    const changed = saga("checked", { version: "2" }, async (_: number, context) => {
      await context.step("a", () => ++ran);
      await context.step("new", () => ++ran);
      await context.step("b", () => ++ran);
    });
    const findings = await checkJournals(changed, report === undefined ? [] : [report.journal]);
    expect(findings).toMatchObject([
      { id: "r", version: "1", recorded: ["a", "race:late|other", "b", "c", "sleep:long"], current: ["a", "new"] },
    ]);
    expect(ran).toBe(0);
  });
});
