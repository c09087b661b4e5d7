import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix } from "../../drivers/redis/server.test-redis.ts";
import type { EngineFixture, OpenEngine } from "../conformance/mod.ts";
import { openRedisEngine, type RedisEngine } from "./mod.ts";

/** Opens engines on data of their own on a server, and removes it at the end. `within` wraps each engine. */
export function fixtureOn(
  url: () => string,
  within: (engine: RedisEngine) => RedisEngine = (engine) => engine,
): OpenEngine {
  return async ({ clock }): Promise<EngineFixture> => {
    const prefix = freshPrefix();
    const opened: RedisEngine[] = [];
    const open = async (): Promise<RedisEngine> => {
      const engine = within(await openRedisEngine({ url: url(), prefix, clock }));
      opened.push(engine);
      return engine;
    };
    const closeAll = async (): Promise<void> => {
      for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    };
    return {
      engine: await open(),
      openAnother: open,
      reopen: async () => {
        await closeAll();
        return open();
      },
      dispose: async () => {
        await closeAll();
        await dropData(url(), prefix);
      },
    };
  };
}

/** Removes an engine's keys. */
export async function dropData(url: string, prefix: string): Promise<void> {
  await using database = await openRedis({ url });
  await dropKeys(database, `{${prefix}`);
}
