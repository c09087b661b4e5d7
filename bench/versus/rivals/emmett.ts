import { join } from "node:path";

import { getSQLiteEventStore } from "@event-driven-io/emmett-sqlite";

import { inFolder, lanes, median, payload, type Figure } from "../frame.ts";

interface Placed {
  readonly type: "Placed";
  readonly data: ReturnType<typeof payload>;
}

const placed = (index: number): Placed => ({ type: "Placed", data: payload(index) });

function open(folder: string) {
  return getSQLiteEventStore({ fileName: join(folder, "emmett.db"), schema: { autoMigration: "CreateOrUpdate" } });
}

/** Emmett on SQLite, one caller, one event an append. */
export function emmettAppend(): Promise<Figure> {
  return inFolder(async (folder) => {
    const store = open(folder);
    const append = (index: number): Promise<unknown> =>
      store.appendToStream(`order-${index}`, [placed(index)], { expectedStreamVersion: 0n });
    await lanes(50, 1, append);
    const value = await lanes(1000, 1, (index) => append(index + 100_000));
    return { name: "Emmett 0.42 on SQLite, one caller", durability: "disk", value };
  });
}

/** Milliseconds to rebuild the state of a stream of 1,000 events. */
export function emmettRehydrate(): Promise<Figure> {
  return inFolder(async (folder) => {
    const store = open(folder);
    for (let version = 0; version < 1000; version += 100) {
      const events = Array.from({ length: 100 }, (_, row) => placed(version + row));
      await store.appendToStream("long", events, { expectedStreamVersion: BigInt(version) });
    }
    const times: number[] = [];
    for (let round = 0; round < 40; round += 1) {
      const startedMs = performance.now();
      await store.aggregateStream<{ count: number }, Placed>("long", {
        evolve: (state: { count: number }) => ({ count: state.count + 1 }),
        initialState: () => ({ count: 0 }),
      });
      times.push(performance.now() - startedMs);
    }
    return { name: "Emmett 0.42 on SQLite", durability: "disk", value: median(times) };
  });
}
