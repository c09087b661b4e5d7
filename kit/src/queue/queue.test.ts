import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { exerciseQueue, type OpenEngine } from "../queue/conformance/mod.ts";

const openMemory: OpenEngine = async ({ clock }) => {
  const engine = await openMemoryEngine({ clock });
  return { engine, dispose: () => engine[Symbol.asyncDispose]() };
};

const openSqlite: OpenEngine = async ({ clock }) => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-queue-"));
  const engine = await openSqliteEngine({ path: join(folder, "jobs.db"), durability: "process", clock });
  const dispose = async (): Promise<void> => {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  return { engine, dispose };
};

exerciseQueue("memory", openMemory, { test });
exerciseQueue("sqlite", openSqlite, { test });
