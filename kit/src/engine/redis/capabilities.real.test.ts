import { beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { exerciseQueue } from "../../queue/conformance/mod.ts";
import { openRegistry } from "../../registry/mod.ts";
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

  test("registry: instances see each other come and leave, and one whose process is gone is out within its lease", async () => {
    const { engine, openAnother, dispose } = await openFresh({ clock: systemClock });
    const gone = await openAnother();
    try {
      await using registry = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
      await using leaving = await openRegistry({ engine, leaseMs: 1_000, pollMs: 100 });
      const lost = await openRegistry({ engine: gone, leaseMs: 1_000, pollMs: 100 });
      let seen = "";
      using _ = registry.follow("orders@1", (endpoints) => {
        seen = endpoints
          .map(({ address }) => address)
          .toSorted()
          .join();
      });
      const services = [{ name: "orders@1", hash: "h" }];
      const announced = await leaving.announce({ address: "a:1", services });
      await lost.announce({ address: "b:1", services });
      await until(() => seen === "a:1,b:1");
      await announced[Symbol.asyncDispose]();
      await until(() => seen === "b:1");
      // Its engine is closed under it: nobody renews the lease, and nobody takes the instance out.
      await gone[Symbol.asyncDispose]();
      await until(() => seen === "");
      await expect(lost[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "DISPOSED" });
    } finally {
      await dispose();
    }
  });
});

async function until(isMet: () => boolean): Promise<void> {
  for (let waitedMs = 0; !isMet(); waitedMs += 10) {
    if (waitedMs > 5_000) throw new Error("not met within 5 s");
    await systemClock.sleep(10);
  }
}
