import { afterAll, beforeAll, describe, test } from "vitest";
import { openRedis } from "../../drivers/redis/mod.ts";
import { startServer } from "../../drivers/redis/server.test-redis.ts";
import type { PrivateServer } from "../../drivers/private-server.test-server.ts";
import { exerciseEngine, exerciseEngineCrashes, type OpenEngine } from "../conformance/mod.ts";
import { tellPlace } from "../crash-place.test-engine.ts";
import { fixtureOn } from "../fixture.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";

let server: PrivateServer | undefined;
const url = (): string => server?.url ?? "";

/** With a server whose memory can be limited, because it is this test's own. */
const openEngine: OpenEngine = async ({ clock }) => {
  const fixture = await fixtureOn(freshPlace(url(), { clock }));
  return { ...fixture, space: { limit: () => setLimit(60_000), lift: () => setLimit(undefined) } };
};

/** How much more the server may hold than it does now. */
async function setLimit(moreBytes: number | undefined): Promise<void> {
  await using database = await openRedis({ url: url() });
  const [, used = "0"] = /used_memory:(\d+)/.exec(String(await database.send(["INFO", "memory"]))) ?? [];
  const limit = moreBytes === undefined ? 0 : Number(used) + moreBytes;
  await database.send(["CONFIG", "SET", "maxmemory", String(limit)]);
}

describe("Redis", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    server = await startServer("--appendonly", "yes", "--appendfsync", "everysec");
    tellPlace("REDIS", server.url);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  exerciseEngine("redis", openEngine, { test, lacks: ["events"] });
  exerciseEngineCrashes("redis", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
});
