import { beforeEach, test } from "vitest";
import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { exerciseStore } from "../conformance/mod.ts";
import { redisStore } from "./mod.ts";

beforeEach(needsServer);

exerciseStore(
  "redis",
  async ({ clock }) => {
    const stack = new AsyncDisposableStack();
    const prefix = freshPrefix();
    const open = async () => redisStore(stack.use(await openRedis({ url: serverUrl })), { prefix, clock });
    const database = stack.use(await openRedis({ url: serverUrl }));
    stack.defer(() => dropKeys(database, prefix));
    return { store: redisStore(database, { prefix, clock }), openAnother: open, dispose: () => stack.disposeAsync() };
  },
  { test },
);
