import { afterAll, describe, vi } from "vitest";
import { absent } from "../drivers/postgres/server.test-postgres.ts";
import type { Store } from "./crash.test-world.ts";

const why = await absent();

/** What the other files of this folder show in memory. They say what they test when they are loaded, so they are loaded anew. */
async function showOn(store: Store): Promise<void> {
  vi.resetModules();
  afterAll(() => void vi.resetModules());
  const { useStore } = await import("./crash.test-world.ts");
  useStore(store);
  await import("./attention.test.ts");
  await import("./children.test.ts");
  await import("./choreography.test.ts");
  await import("./commands.test.ts");
  await import("./ending.test.ts");
  await import("./fork.test.ts");
  await import("./leases.test.ts");
  await import("./letters.test.ts");
  await import("./life.test.ts");
  await import("./replay.test.ts");
  await import("./results.test.ts");
  await import("./start.test.ts");
  await import("./timers.test.ts");
  await import("./unrecordable.test.ts");
  await import("./versions.test.ts");
  await import("./waits.test.ts");
}

describe("on SQLite", { timeout: 60_000 }, async () => {
  await showOn("sqlite");
});

describe.skipIf(why !== undefined)(`on PostgreSQL ${why ?? ""}`, { timeout: 60_000 }, async () => {
  await showOn("postgres");
});
