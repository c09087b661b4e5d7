import { beforeEach, describe, test } from "vitest";
import type { Clock } from "../../clock/mod.ts";
import { freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { waitedFor } from "../waited-for.test-engine.ts";
import { dropData } from "./data.test-engine.ts";
import { openRedisEngine, type RedisEngine } from "./mod.ts";

async function openFresh({ clock }: { readonly clock: Clock }) {
  const prefix = freshPrefix();
  const opened: RedisEngine[] = [];
  const open = async (): Promise<RedisEngine> => {
    const engine = await openRedisEngine({ url: serverUrl, prefix, clock });
    opened.push(engine);
    return waitedFor(engine, clock);
  };
  const engine = await open();
  // Opened before it is asked for: while time flows, a connection to a server would take a lease's worth of it.
  const spares = [await open()];
  const dispose = async (): Promise<void> => {
    for (const each of opened) await each[Symbol.asyncDispose]();
    await dropData(serverUrl, prefix);
  };
  return { engine, openAnother: async () => spares.pop() ?? (await open()), dispose };
}

describe("Redis", { timeout: 60_000 }, () => {
  beforeEach(needsServer);
  exerciseQueue("redis", openFresh, { test });
});
