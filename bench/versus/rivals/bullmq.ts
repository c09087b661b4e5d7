import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { Queue } from "bullmq";
import { Redis } from "ioredis";

import { inFolder, lanes, payload, servers, type Figure } from "../frame.ts";

/** BullMQ single adds, 64 in flight, on a Redis of its own that syncs its log at every write. */
export function bullmqEnqueue(): Promise<Figure> {
  return withRedis(async (port) => {
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
    const queue = new Queue("bench", { connection });
    await queue.waitUntilReady();
    const add = (index: number): Promise<unknown> =>
      queue.add("job", payload(index), { removeOnComplete: true, removeOnFail: true });
    await lanes(1000, 64, add);
    const value = await lanes(12_000, 64, add);
    await queue.close();
    return { name: "BullMQ 6.7, Redis appendfsync always", durability: "disk", value };
  });
}

async function withRedis<T>(work: (port: number) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const port = servers.redisPort;
    const options = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--dir",
      folder,
      "--save",
      "",
      "--appendonly",
      "yes",
    ];
    const server = spawn("redis-server", [...options, "--appendfsync", "always"], { stdio: "ignore" });
    try {
      const probe = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: null, retryStrategy: () => 50 });
      probe.on("error", () => undefined);
      await probe.ping();
      probe.disconnect();
      return await work(port);
    } finally {
      server.kill("SIGTERM");
      await Promise.race([once(server, "exit"), sleep(3000)]);
    }
  });
}
