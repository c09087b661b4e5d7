import { expect, test } from "vitest";
import type { Change, CommitResult, Engine } from "../engine/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { type Sagas, saga, signal } from "./mod.ts";

const leaseMs = 3_000;
const never = signal("never");

/** An engine that lets something happen before the first commit that ends a message, and tells the states that runs were stored with. */
function beforeFinish(engine: Engine, happens: () => Promise<void>, stored: Set<string> = new Set()): Engine {
  let isFirst = true;
  const commit = async (changes: readonly Change[]): Promise<CommitResult> => {
    if (isFirst && changes.some((change) => change.op === "settle")) {
      isFirst = false;
      await happens();
    }
    const result = await engine.commit(changes);
    for (const change of changes)
      if (result.committed && change.op === "put" && change.cell.space.startsWith("saga-run:"))
        stored.add(/"s":"([a-z-]+)"/.exec(change.value ?? "")?.[1] ?? "");
    return result;
  };
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("a finish that a cancel has refused leaves no trace of an end, for whoever looks meanwhile", async () => {
  await using world = await openWorld();
  const undoing = saga("undoing", { version: "1", leaseMs }, async (_: null, context) => {
    await context.step("a", () => 1, { undo: async () => await world.clock.sleep(300) });
    void context.sleep("floating", 20); // ends while the finish is on its way: its write follows the refused one
    return "done";
  });
  const other = await world.open([saga("other", { version: "1" }, async () => 1)]);
  const bound: { sagas?: Sagas } = {};
  let seen: Promise<unknown> | undefined;
  const stored = new Set<string>();
  const happens = async (): Promise<void> => {
    seen = other.run(undoing, "r").result();
    await world.clock.sleep(50);
    await bound.sagas?.cancel(undoing, "r", "why");
  };
  const engine = beforeFinish(world.engine, happens, stored);
  const sagas = await world.open([undoing], { engine });
  bound.sagas = sagas;
  const run = await world.now(sagas.start(undoing, "r", null));
  const result = run.result();
  await world.clock.advance(5_000);
  expect([...stored]).toEqual(["running", "compensating", "cancelled"]);
  expect(await result).toEqual({ status: "cancelled", reason: "why", compensated: ["a"] });
  expect(await seen).toEqual(await result);
});

test("a cancel that meets the finish of a run in a closing process is obeyed by the next", async () => {
  await using world = await openWorld();
  const undone: string[] = [];
  const child = saga("child", { version: "1", leaseMs }, async (_: null, context) => {
    await context.step("a", () => 1, { undo: () => void undone.push("a") });
    return "done";
  });
  const parent = saga("parent", { version: "1", leaseMs }, async (_: null, context) => context.child(child, "c", null));
  const bound: { sagas?: Sagas; closing?: PromiseLike<void> | undefined } = {};
  const sagas = await world.open([child, parent], {
    probe: async (point, run) => {
      if (point !== "finish:before" || run.saga !== "child" || bound.closing !== undefined) return;
      await bound.sagas?.cancel(child, "c", "why");
      bound.closing = bound.sagas?.[Symbol.asyncDispose]();
    },
  });
  bound.sagas = sagas;
  await world.now(sagas.start(parent, "p", null));
  await world.clock.advance(1_000);
  const next = await world.open([child, parent]);
  const result = next.run(parent, "p").result();
  await world.clock.advance(20_000);
  expect(await result).toMatchObject({ status: "failed", failure: { reason: "child-failed" } });
  expect(await world.now(next.run(child, "c").result())).toMatchObject({ status: "cancelled", compensated: ["a"] });
  expect(undone).toEqual(["a"]);
});

test("a cancel that was accepted beside a command while the run finished is obeyed", async () => {
  await using world = await openWorld();
  const quick = saga("quick", { version: "1", leaseMs }, async (_: null, context) => {
    await context.step("a", () => 1, { undo: () => undefined });
    return "done";
  });
  const bound: { sagas?: Sagas } = {};
  const told: (string | undefined)[] = [];
  const sagas = await world.open([quick], {
    probe: async (point) => {
      if (point !== "finish:before" || told.length > 0) return;
      told.push(await bound.sagas?.retry(quick, "r"), await bound.sagas?.cancel(quick, "r", "why"));
    },
  });
  bound.sagas = sagas;
  const run = await world.now(sagas.start(quick, "r", null));
  const result = run.result();
  await world.clock.advance(10_000);
  expect(told[1]).toBe("delivered");
  expect(await result).toEqual({ status: "cancelled", reason: "why", compensated: ["a"] });
});

test("code that comes back from elsewhere while the run is undone starts nothing more", async () => {
  await using world = await openWorld();
  const log: string[] = [];
  const shipping = saga("shipping", { version: "1", leaseMs }, async (_: null, context) => {
    await context.step("a", () => 1, { undo: async () => await world.clock.sleep(200) });
    const elsewhere = async (): Promise<void> => {
      await world.clock.sleep(150);
      context.now();
      await context.step("ship", () => log.push("shipped"), { undo: () => void log.push("unshipped") });
    };
    await Promise.all([context.signal(never), elsewhere()]);
  });
  const sagas = await world.open([shipping]);
  const run = await world.now(sagas.start(shipping, "r", null));
  const result = run.result();
  await world.clock.advance(50);
  await world.now(sagas.cancel(shipping, "r", "why"));
  await world.clock.advance(5_000);
  expect(await result).toEqual({ status: "cancelled", reason: "why", compensated: ["a"] });
  expect(log).toEqual([]);
  expect((await world.now(sagas.inspect(shipping, "r")))?.journal.entries.map((entry) => entry.n)).toEqual([
    "a",
    "signal:never",
    "stop",
    "a",
  ]);
});
