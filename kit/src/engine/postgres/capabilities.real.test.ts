import { describe, test } from "vitest";
import type { Clock } from "../../clock/mod.ts";
import { absent, dropSchema, freshSchema, serverUrl } from "../../drivers/postgres/server.test-postgres.ts";
import { exerciseEvents } from "../../events/conformance/mod.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { waitedFor } from "../waited-for.test-engine.ts";
import { openPostgresEngine, type PostgresEngine } from "./mod.ts";

async function openFresh({ clock }: { readonly clock: Clock }) {
  const schema = freshSchema();
  const opened: PostgresEngine[] = [];
  const open = async (): Promise<PostgresEngine> => {
    const engine = await openPostgresEngine({
      url: serverUrl,
      schema,
      durability: "process",
      clock,
      connectionsMax: 2,
    });
    opened.push(engine);
    return waitedFor(engine, clock);
  };
  const engine = await open();
  // Opened before it is asked for: while time flows, a connection to a server would take a lease's worth of it.
  const spares = [await open()];
  const dispose = async (): Promise<void> => {
    for (const each of opened) await each[Symbol.asyncDispose]();
    await dropSchema(schema);
  };
  return { engine, openAnother: async () => spares.pop() ?? (await open()), dispose };
}

const why = await absent();

describe.skipIf(why !== undefined)(`PostgreSQL ${why ?? ""}`, { timeout: 60_000 }, () => {
  exerciseQueue("postgres", openFresh, { test });
  exerciseEvents("postgres", openFresh, { test });
});
