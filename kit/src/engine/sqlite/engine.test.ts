import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type EngineFixture, exerciseEngine, type OpenEngine } from "../conformance/mod.ts";
import { openSqliteEngine, type SqliteEngine } from "./mod.ts";

const openEngine: OpenEngine = async ({ clock }): Promise<EngineFixture> => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-engine-"));
  const opened: SqliteEngine[] = [];
  const open = async (): Promise<SqliteEngine> => {
    // Class "process" keeps hermetic tests off the disk's flush; the rules are the same.
    const engine = await openSqliteEngine({ path: join(folder, "data.db"), durability: "process", clock });
    opened.push(engine);
    return engine;
  };
  const engine = await open();
  return {
    engine,
    openAnother: open,
    reopen: async () => {
      for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
      return await open();
    },
    space: { limit: () => engine.limitSize(1), lift: () => engine.limitSize(undefined) },
    dispose: async () => {
      const faults = await opened
        .at(-1)
        ?.verify()
        .catch(() => []);
      for (const each of opened) await each[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
      expect(faults ?? []).toEqual([]);
    },
  };
};

exerciseEngine("sqlite", openEngine, { test });
