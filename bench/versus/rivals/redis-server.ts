import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { Redis } from "ioredis";

import { inFolder, servers } from "../frame.ts";

/** What a server of Redis is to survive: a flush of its log at every write, or nothing. */
export type RedisKeeps = "each-write" | "nothing";

/** Runs `work` with a Redis of its own. */
export async function withRedis<T>(keeps: RedisKeeps, work: (port: number) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const port = servers.redisPort;
    const common = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const log = keeps === "each-write" ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
    const server = spawn("redis-server", [...common, ...log], { stdio: "ignore" });
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
