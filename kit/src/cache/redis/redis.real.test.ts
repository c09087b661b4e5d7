import { beforeEach } from "vitest";
import { test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { exerciseInvalidationBus, exerciseSharedTier } from "../conformance/mod.ts";
import { redisBus, redisTier } from "./mod.ts";

beforeEach(needsServer);

exerciseSharedTier(
  "redis",
  async ({ clock }) => {
    const database = await openRedis({ url: serverUrl });
    const prefix = freshPrefix();
    return {
      tier: redisTier(database, { prefix, clock }),
      pass: (ms) => clock.advance(ms),
      dispose: async () => {
        await dropKeys(database, prefix);
        await database[Symbol.asyncDispose]();
      },
    };
  },
  { test },
);

exerciseInvalidationBus(
  "redis",
  async () => {
    const database = await openRedis({ url: serverUrl });
    const channel = `${freshPrefix()}changes`;
    return {
      bus: redisBus(database, { channel }),
      delivered: () => systemClock.sleep(50),
      dispose: async () => {
        await database.send(["DEL", channel]);
        await database[Symbol.asyncDispose]();
      },
    };
  },
  { test },
);
