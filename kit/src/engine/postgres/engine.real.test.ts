import { afterAll, describe, test } from "vitest";
import {
  dropSchema,
  dropSchemas,
  freshSchema,
  serverUrl,
  absent,
} from "../../drivers/postgres/server.test-postgres.ts";
import { type EngineFixture, exerciseEngine, exerciseEngineCrashes, type OpenEngine } from "../conformance/mod.ts";
import { nameSchemas } from "./crash.test-schema.ts";
import { openPostgresEngine, type PostgresEngine } from "./mod.ts";

const openEngine: OpenEngine = async ({ clock }): Promise<EngineFixture> => {
  const schema = freshSchema();
  const opened: PostgresEngine[] = [];
  const open = async (): Promise<PostgresEngine> => {
    // Class "process" keeps the suite off the disk's flush; the rules are the same.
    const engine = await openPostgresEngine({
      url: serverUrl,
      schema,
      durability: "process",
      clock,
      connectionsMax: 2,
    });
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
    dispose: async () => {
      for (const each of opened) await each[Symbol.asyncDispose]();
      await dropSchema(schema);
    },
  };
};

const reason = "the shared server's disk is not filled; full-disk.real.test.ts does it with a server of its own";

const why = await absent();

// Every commit is two round trips, and the machines of continuous integration have other work to do.
describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 90_000 }, () => {
  exerciseEngine("postgres", openEngine, {
    test,
    skip: [
      {
        name: "scenario 19: on a full store a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is space",
        reason,
      },
      {
        name: "scenario 19: on a full store what makes room is not refused along with what needs it in the same turn",
        reason,
      },
    ],
  });
  const crashes = freshSchema();
  nameSchemas(crashes);
  afterAll(() => dropSchemas(crashes));
  exerciseEngineCrashes("postgres", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
});
