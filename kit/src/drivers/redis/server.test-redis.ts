import process from "node:process";
import { systemRandom } from "../../random/mod.ts";
import { type CuttingProxy, proxyBefore } from "../cutting-proxy.test-server.ts";
import { type Presence, presenceOf } from "../network.test-server.ts";
import { needs, type PrivateServer, startProgram } from "../private-server.test-server.ts";
import type { RedisDatabase } from "./mod.ts";

const port = 6379;

/** The server that the real tests share. */
export const serverUrl: string = process.env["ASHLAR_REDIS"] ?? `redis://127.0.0.1:${port}`;

export const { needsServer }: Presence = presenceOf({ url: serverUrl, port, name: "Redis", variable: "ASHLAR_REDIS" });

export const needsProgram: ReturnType<typeof needs> = needs("redis-server");

/** A prefix of keys that no other test, and no other process of tests, has. */
export function freshPrefix(): string {
  return `test:${process.pid}:${systemRandom.integer(0, 2 ** 48).toString(36)}:`;
}

/** Removes all keys under a prefix. */
export async function dropKeys(database: RedisDatabase, prefix: string): Promise<void> {
  let cursor = "0";
  do {
    const reply = await database.send(["SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", "1000"]);
    const [next, keys] = reply as readonly [string, readonly string[]];
    if (keys.length > 0) await database.send(["UNLINK", ...keys]);
    cursor = next;
  } while (cursor !== "0");
}

/** Starts a server in a folder of its own with these options of its command line. Its memory is empty after a restart unless they say otherwise. */
export function startServer(...words: readonly string[]): Promise<PrivateServer> {
  return startProgram({
    name: "redis-server",
    scheme: "redis",
    words: (folder, own) => ["--port", `${own}`, "--dir", folder, "--save", "", "--bind", "127.0.0.1", ...words],
  });
}

/** Starts a proxy before a server. */
export function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  return proxyBefore(target, port);
}
