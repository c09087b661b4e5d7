// A process of the kill tests: it executes the runs of a place, and starts some when it is told to.
import { appendFileSync } from "node:fs";
import { openAt } from "../registry/places.test-engines.ts";
import { type Change } from "../engine/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { openSagas, type SagaDefinition, saga } from "./mod.ts";

export const leaseMs = 3_000;

/** Whether the run with that number fails, and is compensated. */
export function fails(number: number): "yes" | "no" {
  return number % 3 === 0 ? "yes" : "no";
}

/** A saga whose effects are lines of a file: one outside the engine, one in the engine, one after a pause. */
export function killOrder(
  effects: (line: string) => void,
  book: (amount: number) => Promise<readonly Change[]>,
): SagaDefinition<number, string> {
  const retry = retryPlan({ attemptsMax: 3, firstMs: 5 });
  return saga("kill-order", { version: "1", leaseMs, retry }, async (number: number, context) => {
    await context.step("charge", ({ key }) => effects(`do ${key}`), { undo: (_, { key }) => effects(`undo ${key}`) });
    await context.step.commit("book", async () => ({ result: number, changes: await book(number) }), {
      undoCommit: async () => ({ changes: await book(-number) }),
    });
    await context.sleep("pause", 20);
    await context.step("ship", ({ key }) => effects(`do ${key}`), { undo: (_, { key }) => effects(`undo ${key}`) });
    if (fails(number) === "yes") context.fail("no");
    return `done ${number}`;
  });
}

const [address, effectsPath, startCount] = process.argv.slice(2);
if (address !== undefined && effectsPath !== undefined && process.argv[1]?.includes("kill.test-process") === true) {
  const engine = await openAt(address);
  const cell = { space: "books", key: "sum" };
  const definition = killOrder(
    (line) => appendFileSync(effectsPath, `${line}\n`),
    async (amount) => {
      const [found] = await engine.get([cell]);
      return [
        { op: "put", cell, expect: found?.version ?? "absent", value: String(Number(found?.value ?? 0) + amount) },
      ];
    },
  );
  const sagas = await openSagas({ engine, sagas: [definition] });
  process.stdout.write("ready\n");
  const count = Number(startCount ?? 0);
  const runs = await Promise.all(
    Array.from(
      { length: count },
      async (_, number) => await sagas.start(definition, `r${String(number).padStart(4, "0")}`, number),
    ),
  );
  await Promise.all(runs.map(async (run) => await run.result()));
  if (count > 0) process.stdout.write("done\n");
}
