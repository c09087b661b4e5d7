import { join } from "node:path";

import { openSqliteEngine } from "ashlar/engine/sqlite";
import { openSagas, saga, type Sagas } from "ashlar/saga";

import { inFolder, lanes, median, payload, type Figure, type Row } from "../frame.ts";

const order = saga<{ readonly index: number }, { readonly total: number }>(
  "order",
  { version: "1" },
  async (input, context) => {
    const reserved = await context.step("reserve", () => input.index + 1);
    const charged = await context.step("charge", () => reserved * 2);
    return context.step("ship", () => ({ ...payload(input.index), total: charged }));
  },
);
const name = "Ashlar, SQLite";

function withSagas(work: (run: (index: number) => Promise<unknown>) => Promise<number>): Promise<Figure> {
  return inFolder(async (folder) => {
    await using engine = await openSqliteEngine({ path: join(folder, "saga.db"), durability: "disk" });
    await using sagas: Sagas = await openSagas({ engine, sagas: [order], concurrency: 64 });
    const value = await work(async (index) => {
      const run = await sagas.start(order, `order-${String(index).padStart(9, "0")}`, { index });
      const result = await run.result();
      if (result.status !== "completed") throw new Error(`run ${index} ended ${result.status}`);
    });
    return { name, durability: "disk", value };
  });
}

export const sagaThroughput: Row = {
  path: "three-step saga, 64 in flight",
  better: "higher",
  unit: "sagas/s",
  bar: 20_000,
  limitName: "raw single-caller commits",
  ours: () =>
    withSagas(async (run) => {
      await lanes(3000, 64, run);
      return lanes(20_000, 64, (index) => run(index + 100_000));
    }),
  rivals: [async () => (await import("../rivals/restate.ts")).restateThroughput()],
  limit: async () => (await import("../rivals/limits.ts")).rawSingleCommits(),
};

export const sagaThroughputOther: Row = {
  ...sagaThroughput,
  path: "three-step saga, 64 in flight, beside DBOS",
  rivals: [async () => (await import("../rivals/dbos.ts")).dbosThroughput()],
};

export const sagaLatency: Row = {
  path: "three-step saga, start to result, p50",
  better: "lower",
  unit: "ms",
  bar: 1,
  limitName: "milliseconds of one raw commit",
  ours: () =>
    withSagas(async (run) => {
      const times: number[] = [];
      for (let index = 0; index < 1200; index += 1) {
        const startedMs = performance.now();
        await run(index);
        if (index >= 200) times.push(performance.now() - startedMs);
      }
      return median(times);
    }),
  rivals: [async () => (await import("../rivals/restate.ts")).restateLatency()],
  limit: async () => {
    const figure = await (await import("../rivals/limits.ts")).rawSingleCommits();
    return { ...figure, name: "ms, node:sqlite, one synced commit", value: 1000 / figure.value };
  },
};
