import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type ManualClock, manualClock } from "../clock/mod.ts";
import { dropSchema, freshSchema, serverUrl } from "../drivers/postgres/server.test-postgres.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openPostgresEngine } from "../engine/postgres/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { waitedFor } from "../engine/waited-for.test-engine.ts";
import { seededRandom } from "../random/mod.ts";
import { type AnySaga, openSagas, type Probe, type Sagas, type SagasOptions } from "./mod.ts";

export type Store = "memory" | "sqlite" | "postgres";

let usual: Store = "memory";

/** From now on worlds that name no store have this one: whole files of tests run on it. */
export function useStore(store: Store): void {
  usual = store;
}

/** An engine that can be closed and opened again, on a clock that the test moves. */
export interface World extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly engine: Engine;
  open(sagas: readonly AnySaga[], options?: Partial<SagasOptions>): Promise<Sagas>;
  /** Closes the engine and opens it again (memory: nothing). */
  reopen(): Promise<void>;
  /** Settles `work` on the manual clock. */
  now<T>(work: Promise<T>): Promise<T>;
}

interface Place extends AsyncDisposable {
  open(clock: Clock): Promise<Engine>;
}

const places: Readonly<Record<Store, () => Place>> = {
  memory: () => ({ open: (clock) => openMemoryEngine({ clock }), [Symbol.asyncDispose]: async () => undefined }),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), "ashlar-saga-"));
    return {
      open: (clock) => openSqliteEngine({ path: join(folder, "saga.db"), durability: "process", clock }),
      [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  postgres: () => {
    const common = { url: serverUrl, schema: freshSchema(), durability: "process", connectionsMax: 2 } as const;
    return {
      open: async (clock) => waitedFor(await openPostgresEngine({ ...common, clock }), clock),
      [Symbol.asyncDispose]: () => dropSchema(common.schema),
    };
  },
};

export async function openWorld(store: Store = usual): Promise<World> {
  const clock = manualClock({ nowMs: 1_000_000 });
  const place = places[store]();
  const openEngine = (): Promise<Engine> => place.open(clock);
  let engine = await openEngine();
  const opened: Sagas[] = [];
  const now = async <T>(work: Promise<T>): Promise<T> => {
    void work.catch(() => undefined);
    await clock.settle();
    return await work;
  };
  const closeAll = async (): Promise<void> => {
    const closing = Promise.all(opened.splice(0).map(async (sagas) => await sagas[Symbol.asyncDispose]()));
    await clock.advance(1_000);
    await closing;
  };
  return {
    clock,
    get engine() {
      return engine;
    },
    open: async (sagas, options = {}) => {
      const bound = await openSagas({ engine, sagas, random: seededRandom(1), drainMs: 500, ...options });
      opened.push(bound);
      return bound;
    },
    reopen: async () => {
      if (store === "memory") return;
      await closeAll();
      await engine[Symbol.asyncDispose]();
      engine = await openEngine();
    },
    now,
    [Symbol.asyncDispose]: async () => {
      await closeAll();
      await engine[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A probe that lets the executor die at the given call, once. */
export function crashAtCall(call: number): Probe {
  let calls = 0;
  return () => {
    if (calls++ === call) throw new Error(`crash at call ${call}`);
  };
}
