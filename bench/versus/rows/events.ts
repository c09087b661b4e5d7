import { join } from "node:path";

import { openSqliteEngine } from "ashlar/engine/sqlite";
import { decider, eventTypes, openEventStore, type EventStore } from "ashlar/events";

import { inFolder, lanes, median, payload, type Figure, type Row } from "../frame.ts";

type Placed = { readonly type: "Placed"; readonly data: ReturnType<typeof payload> };
interface Count {
  readonly count: number;
}

const events = eventTypes<Placed>({ Placed: {} });
const order = decider<Count, { readonly index: number }, Placed, never>({
  name: "order",
  initial: () => ({ count: 0 }),
  decide: (_state, command) => [{ type: "Placed", data: payload(command.index) }],
  evolve: (state) => ({ count: state.count + 1 }),
  events,
});
const withSnapshots = decider<Count, { readonly index: number }, Placed, never>({
  name: "order",
  initial: () => ({ count: 0 }),
  decide: (_state, command) => [{ type: "Placed", data: payload(command.index) }],
  evolve: (state) => ({ count: state.count + 1 }),
  events,
  snapshot: { everyEvents: 100, schema: 1 },
});
const name = "Ashlar, SQLite";
const limitSingle = async (): Promise<Figure> => (await import("../rivals/limits.ts")).rawSingleCommits();

async function appends(count: number, width: number): Promise<Figure> {
  return inFolder(async (folder) => {
    await using engine = await openSqliteEngine({ path: join(folder, "events.db"), durability: "disk" });
    const store = await openEventStore({ engine });
    const append = (index: number): Promise<unknown> =>
      store.append(`order/${index}`, [{ type: "Placed", data: payload(index) }], { expected: "new" });
    await lanes(Math.min(5000, count / 10), width, append);
    const value = await lanes(count, width, (index) => append(index + 1_000_000));
    return { name, durability: "disk", value };
  });
}

export const appendShared: Row = {
  path: "append one event, 64 in flight",
  better: "higher",
  unit: "appends/s",
  bar: 60_000,
  limitName: "64 rows a commit",
  ours: () => appends(80_000, 64),
  limit: async () => (await import("../rivals/limits.ts")).rawGroupedCommits(),
};

export const appendOne: Row = {
  path: "append one event, one caller",
  better: "higher",
  unit: "appends/s",
  bar: 5000,
  limitName: "raw single-caller commits",
  ours: () => appends(8000, 1),
  rivals: [async () => (await import("../rivals/emmett.ts")).emmettAppend()],
  limit: limitSingle,
};

const longStreamEvents = 1000;

async function rehydrateTime(kind: "events only" | "snapshot"): Promise<Figure> {
  const chosen = kind === "snapshot" ? withSnapshots : order;
  return inFolder(async (folder) => {
    await using engine = await openSqliteEngine({ path: join(folder, "events.db"), durability: "disk" });
    await fill(engine, chosen);
    // A store that has cached nothing: every load reads what a fresh process would read.
    const store = await openEventStore({ engine, cacheStreams: 0 });
    const times: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const startedMs = performance.now();
      const loaded = await store.load(chosen, "long");
      times.push(performance.now() - startedMs);
      if (loaded.state.count !== longStreamEvents)
        throw new Error(`expected ${longStreamEvents} events, got ${loaded.state.count}`);
    }
    return { name, durability: "disk", value: median(times) };
  });
}

async function fill(engine: Parameters<typeof openEventStore>[0]["engine"], chosen: typeof order): Promise<void> {
  const store: EventStore = await openEventStore({ engine });
  for (let index = 0; index < longStreamEvents; index += 1) await store.execute(chosen, "long", { index });
}

export const rehydrate: Row = {
  path: "rehydrate 1,000 events",
  better: "lower",
  unit: "ms",
  bar: 1.5,
  limitName: "raw read and parse",
  ours: () => rehydrateTime("events only"),
  rivals: [async () => (await import("../rivals/emmett.ts")).emmettRehydrate()],
  limit: async () => (await import("../rivals/limits.ts")).rawRead(),
};

export const rehydrateSnapshot: Row = {
  path: "rehydrate 1,000 events with a snapshot",
  better: "lower",
  unit: "ms",
  bar: 0.2,
  limitName: "raw read and parse of all",
  ours: () => rehydrateTime("snapshot"),
  limit: async () => (await import("../rivals/limits.ts")).rawRead(),
};
