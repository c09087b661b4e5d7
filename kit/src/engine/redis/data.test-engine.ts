import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import type { Place } from "../fixture.test-engine.ts";
import { openRedisEngine, type RedisEngine, type RedisEngineOptions } from "./mod.ts";

/** Data of its own on a server. Default: on the shared one. */
export function freshPlace(
  url: string = serverUrl,
  common: Partial<RedisEngineOptions> = {},
): Place<RedisEngine, RedisEngineOptions> {
  const prefix = freshPrefix();
  return {
    open: (options) => openRedisEngine({ url, prefix, ...common, ...options }),
    drop: async () => {
      await using database = await openRedis({ url });
      await dropKeys(database, `{${prefix}`);
    },
  };
}
