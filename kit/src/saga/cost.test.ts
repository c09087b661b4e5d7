import { describe, expect, test } from "vitest";
import type { Engine } from "../engine/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { openWorld, type Store } from "./crash.test-world.ts";
import { type RunOutcome, type RunSummary, saga } from "./mod.ts";

const leaseMs = 3_000;
const stores: readonly Store[] = ["memory", "sqlite"];

/** The engine, and what is asked of it. */
function watched(engine: Engine): { readonly engine: Engine; readonly calls: [name: string, asked: unknown][] } {
  const calls: [name: string, asked: unknown][] = [];
  const proxy = new Proxy(engine, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...asked: unknown[]): unknown => {
        calls.push([String(name), asked[0]]);
        return Reflect.apply(value, target, asked);
      };
    },
  });
  return { engine: proxy, calls };
}

const three = saga("three", { version: "1", leaseMs }, async (input: { readonly n: number }, { step }) => {
  const first = await step("first", () => input.n + 1);
  const second = await step("second", async () => first + 1);
  return await step("third", () => ({ total: second, note: "x".repeat(200) }));
});

describe("a run of three steps", () => {
  test("is five commits of eleven changes and reads nothing", async () => {
    await using world = await openWorld();
    const { engine, calls } = watched(world.engine);
    const sagas = await world.open([three], { engine });
    await world.clock.settle();
    calls.length = 0;
    const one = async (): Promise<unknown> => (await sagas.start(three, "r", { n: 1 })).result();
    await world.now(one());
    expect(calls.map(([name]) => name)).toEqual(Array.from({ length: 5 }, () => "commit"));
    expect(calls.map(([, changes]) => (changes as readonly unknown[]).length)).toEqual([2, 2, 2, 2, 3]);
  });

  test("stores an output that is its last result once, and others read it back", async () => {
    for (const store of stores) {
      await using world = await openWorld(store);
      const sagas = await world.open([three]);
      const run = await world.now(sagas.start(three, "r", { n: 1 }));
      const outcome = await world.now(run.result());
      const [cell] = await world.now(world.engine.get([{ space: "saga-run:three", key: "r" }]));
      expect(cell?.value.match(/x{200}/g)?.length).toBe(1);
      expect(cell?.value.length).toBeLessThan(450);
      const elsewhere = await world.open([three]);
      expect(await world.now(elsewhere.run(three, "r").result())).toEqual(outcome);
      expect((await world.now(elsewhere.inspect(three, "r")))?.outcome).toEqual(outcome);
    }
  });

  test("is started and claimed in one commit again soon after a start has found every place taken", async () => {
    await using world = await openWorld();
    const { engine, calls } = watched(world.engine);
    const sagas = await world.open([three], { engine, concurrency: 4 });
    const caller = async (name: string): Promise<void> => {
      for (let n = 0; n < 50; n++) await (await sagas.start(three, `${name}-${n}`, { n })).result();
    };
    // The first look at the store holds half of the places for what may wait there.
    await world.now(Promise.all(["a", "b", "c", "d"].map(caller)));
    expect(calls.filter(([name]) => name === "claim").length).toBeLessThan(10);
  });
});

test("starts and a backlog in the store share the places: all come through, and no more run at once than there are", async () => {
  const running = new Set<string>();
  let most = 0;
  const counted = saga("counted", { version: "1", leaseMs }, async (_: null, { id, step }) => {
    running.add(id);
    most = Math.max(most, running.size);
    await step("first", () => 1);
    await step("second", () => 2);
    running.delete(id);
  });
  for (const store of stores) {
    most = 0;
    await using world = await openWorld(store);
    const sagas = await world.open([counted], { concurrency: 4 });
    const ended: string[] = [];
    const caller = async (name: string): Promise<void> => {
      for (let n = 0; n < 25; n++) {
        await world.engine.commit(sagas.startChanges(counted, `stored-${name}-${n}`, null));
        await (await sagas.start(counted, `${name}-${n}`, null)).result();
        await sagas.run(counted, `stored-${name}-${n}`).result();
        ended.push(name);
      }
    };
    const all = Promise.all(["a", "b", "c", "d", "e", "f"].map(caller));
    await world.clock.advance(60_000);
    await world.now(all);
    expect(ended.length).toBe(150);
    expect(most).toBeLessThanOrEqual(4);
  }
});

test("an output is stored in full when the last entry only looks like it", async () => {
  const outputs: readonly unknown[] = [5, "r", null, undefined, { r: 5 }, ',"r":5', [5]];
  const odd = saga("odd", { version: "1", leaseMs }, async (input: { readonly n: number }, { step }) => {
    await step("a", () => ({ x: 1, r: outputs[input.n] ?? null }));
    return outputs[input.n];
  });
  await using world = await openWorld();
  const sagas = await world.open([odd]);
  for (const [n, output] of outputs.entries()) {
    await world.now((await world.now(sagas.start(odd, `${n}`, { n }))).result());
    const outcome = (await world.now(sagas.inspect(odd, `${n}`)))?.outcome;
    expect(outcome?.status === "completed" ? outcome.output : "none").toEqual(output);
  }
});

describe("listing an open status", () => {
  test("finds open runs in the order of their start, and does not look at finished ones", async () => {
    const sleepy = saga("sleepy", { version: "1", leaseMs }, async (input: { readonly ms: number }, { sleep }) => {
      if (input.ms > 0) await sleep("long", input.ms);
    });
    for (const store of stores) {
      await using world = await openWorld(store);
      const { engine, calls } = watched(world.engine);
      const sagas = await world.open([sleepy], { engine });
      for (let n = 0; n < 30; n++) await world.now(sagas.start(sleepy, `done-${n}`, { ms: 0 }));
      for (const id of ["z", "y", "x"])
        await world.now(sagas.start(sleepy, id, { ms: 900_000 }, { tags: id === "y" ? [] : ["end"] }));
      await world.clock.settle();
      calls.length = 0;
      const listed = async (query: Parameters<typeof sagas.list>[0]): Promise<readonly string[]> => {
        const found: RunSummary[] = [];
        for await (const run of sagas.list(query)) found.push(run);
        return found.map((run) => run.id);
      };
      expect(await world.now(listed({ status: "waiting" }))).toEqual(["z", "y", "x"]);
      expect(await world.now(listed({ status: "waiting", tag: "end", limit: 1 }))).toEqual(["z"]);
      expect(await world.now(listed({ status: "running" }))).toEqual([]);
      const read = calls.flatMap(([name, asked]) => (name === "get" ? (asked as { readonly key: string }[]) : []));
      expect(read.filter((cell) => cell.key.startsWith("done"))).toEqual([]);
      expect(calls.filter(([name, asked]) => name === "scan" && (asked as { kind: string }).kind === "cells")).toEqual(
        [],
      );
      expect((await world.now(listed({ status: "completed" }))).length).toBe(30);
    }
  });
});

describe("retention", () => {
  const long = saga("long", { version: "1", leaseMs, keepMs: 60_000 }, async (_: null, { step }) => {
    for (let n = 0; n < 150; n++) await step("page", () => "x".repeat(8_200));
  });

  test("of a long run is written in bounded commits, survives a crash between them, and removes every page", async () => {
    for (const crashed of ["no", "yes"] as const) {
      await using world = await openWorld();
      const { engine, calls } = watched(world.engine);
      let crashes = crashed === "yes" ? 1 : 0;
      const crashing: Engine = new Proxy(engine, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== "get") return value;
          return (asked: readonly { readonly key: string }[]): unknown =>
            asked[0]?.key === "r/00000064" && crashes-- > 0 ? new Promise(() => undefined) : target.get(asked as never);
        },
      });
      const sagas = await world.open([long], { engine: crashing });
      const run = await world.now(sagas.start(long, "r", null));
      expect(await world.now(run.result())).toMatchObject({ status: "completed" });
      if (crashed === "yes") {
        await world.open([long], { engine });
        await world.clock.advance(20_000);
      }
      await world.clock.settle();
      const sizes = calls.flatMap(([name, asked]) => (name === "commit" ? [(asked as readonly unknown[]).length] : []));
      expect(Math.max(...sizes)).toBe(65);
      const left = async (): Promise<readonly (number | undefined)[]> => {
        const found: (number | undefined)[] = [];
        for await (const cell of world.engine.scan({ kind: "cells", space: "saga-step:long" }))
          found.push(cell.expiresAtMs);
        return found;
      };
      const expiries = await world.now(left());
      expect(expiries.length).toBeGreaterThan(140);
      expect(expiries).not.toContain(undefined);
      for await (const _ of world.engine.scan({ kind: "messages", queue: "saga:long" })) expect.unreachable();
      await world.clock.advance(61_000);
      expect(await world.now(left())).toEqual([]);
    }
  });
});

describe("a retry plan whose predicate throws", () => {
  const hostile = retryPlan({
    attemptsMax: 3,
    firstMs: 1,
    retryable: () => {
      throw new Error("broken predicate");
    },
  });

  test("ends the step with both errors, and the run is compensated", async () => {
    const undone: string[] = [];
    const broken = saga("broken", { version: "1", leaseMs }, async (_: null, { step }) => {
      await step("first", () => 1, { undo: () => void undone.push("first") });
      await step("second", () => Promise.reject(new Error("no answer")), { retry: hostile });
    });
    await using world = await openWorld();
    const sagas = await world.open([broken]);
    const run = await world.now(sagas.start(broken, "r", null));
    const outcome: RunOutcome = await world.now(run.result());
    expect(outcome).toMatchObject({
      status: "failed",
      failure: { reason: "step-failed", step: "second" },
      compensated: ["first"],
    });
    const text = JSON.stringify(outcome);
    expect(text).toContain("broken predicate");
    expect(text).toContain("no answer");
    expect(undone).toEqual(["first"]);
  });

  test("of a compensation stops the run for a person", async () => {
    const broken = saga("broken", { version: "1", leaseMs }, async (_: null, { step, fail }) => {
      const undo = (): never => {
        throw new Error("cannot");
      };
      await step("first", () => 1, { undo, retry: hostile });
      fail("over");
    });
    await using world = await openWorld();
    const sagas = await world.open([broken]);
    const run = await world.now(sagas.start(broken, "r", null));
    expect(await world.now(run.result())).toMatchObject({
      status: "needs-attention",
      problem: { kind: "undo-failed", step: "undo:first" },
    });
  });
});

test("a run whose end a cancel has overtaken is not told as completed while it compensates", async () => {
  const undoing = Promise.withResolvers<void>();
  const late = saga("late", { version: "1", leaseMs }, async (_: null, { step }) => {
    await step("only", () => 1, { undo: () => undoing.promise });
    return "output";
  });
  await using world = await openWorld();
  const others = await world.open([]);
  let cancelled = 0;
  const sagas = await world.open([late], {
    probe: async (point) => {
      if (point === "finish:before" && cancelled++ === 0) await sagas.cancel(late, "r", "changed my mind");
    },
  });
  const run = await world.now(sagas.start(late, "r", null));
  await world.clock.settle();
  expect((await world.now(sagas.inspect(late, "r")))?.outcome).toBeUndefined();
  const elsewhere = others.run(late, "r").result({ withinMs: 10 });
  await world.clock.advance(10);
  expect(await elsewhere).toEqual({ status: "open" });
  undoing.resolve();
  expect(await world.now(run.result())).toMatchObject({ status: "cancelled", compensated: ["only"] });
});
