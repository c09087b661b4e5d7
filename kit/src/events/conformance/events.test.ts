import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { openSqliteEngine, type SqliteEngine } from "../../engine/sqlite/mod.ts";
import { exerciseEvents, type OpenEventsEngine } from "./mod.ts";

const openMemory: OpenEventsEngine = async ({ clock }) => {
  const engine = await openMemoryEngine({ clock });
  return { engine, dispose: async () => engine[Symbol.asyncDispose]() };
};

const openSqlite: OpenEventsEngine = async ({ clock }) => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-events-"));
  const opened: SqliteEngine[] = [];
  const open = async (): Promise<SqliteEngine> => {
    const engine = await openSqliteEngine({ path: join(folder, "data.db"), durability: "process", clock });
    opened.push(engine);
    return engine;
  };
  return {
    engine: await open(),
    openAnother: open,
    dispose: async () => {
      for (const engine of opened) await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
};

exerciseEvents("memory", openMemory, { test });
exerciseEvents("sqlite", openSqlite, { test });
