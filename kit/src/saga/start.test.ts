import { expect, test } from "vitest";
import type { Engine, TransactionalEngine } from "../engine/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { RunExistsError, saga } from "./mod.ts";

test("the same start twice in one transaction is one run, and another input is refused", async () => {
  const ran: unknown[] = [];
  const one = saga("one", { version: "1" }, async (input: { a: number; b: number }, context) => {
    await context.step("a", () => void ran.push(input));
  });
  await using world = await openWorld("sqlite");
  const sagas = await world.open([one]);
  const work = withTransactions(world.engine).transaction(async (tx) => {
    const first = await sagas.start(one, "r", { a: 1, b: 2 }, { in: tx });
    const second = await sagas.start(one, "r", { b: 2, a: 1 }, { in: tx });
    await expect(sagas.start(one, "r", { a: 2, b: 2 }, { in: tx })).rejects.toThrow(RunExistsError);
    expect(second.id).toBe(first.id);
    await tx.commit(sagas.startChanges(one, "s", { a: 1, b: 2 }));
    await expect(sagas.start(one, "s", { a: 1, b: 2 }, { in: tx })).rejects.toThrow(RunExistsError);
    return first;
  });
  const run = await world.now(work);
  await world.clock.advance(6_000);
  expect(await world.now(run.result())).toMatchObject({ status: "completed" });
  expect(ran).toHaveLength(2);
});

test("a start that meets a run which is forgotten at that moment starts anew", async () => {
  const one = saga("one", { version: "1", keepMs: 1_000 }, async (input: number) => input);
  await using world = await openWorld();
  let isSlow = false;
  const engine = new Proxy(world.engine, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (name !== "get") return typeof value === "function" ? value.bind(target) : value;
      return async (cells: Parameters<Engine["get"]>[0]) => {
        if (isSlow) await world.clock.sleep(2_000);
        isSlow = false;
        return await target.get(cells);
      };
    },
  });
  const sagas = await world.open([one], { engine });
  const first = await world.now(sagas.start(one, "r", 1));
  expect(await world.now(first.result())).toMatchObject({ output: 1 });
  isSlow = true;
  const starting = sagas.start(one, "r", 2);
  await world.clock.advance(2_500);
  expect(await world.now((await starting).result())).toMatchObject({ output: 2 });
});

function withTransactions(engine: Engine): TransactionalEngine<unknown> {
  return engine as TransactionalEngine<unknown>;
}
