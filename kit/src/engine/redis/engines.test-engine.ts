import { freshPrefix, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import type { Change, Claim, CommitResult } from "../mod.ts";
import { dropData } from "./data.test-engine.ts";
import { openRedisEngine, type RedisEngine, type RedisEngineOptions } from "./mod.ts";

/** Opens an engine on the data of the test. */
export type Open = (options?: Partial<RedisEngineOptions>) => Promise<RedisEngine>;

/** Runs the test with engines on one data set, which are closed at the end. Default: on the shared server. */
export async function withEngines(run: (open: Open) => Promise<void>, url: string = serverUrl): Promise<void> {
  const prefix = freshPrefix();
  const opened: RedisEngine[] = [];
  try {
    await run(async (options) => {
      const engine = await openRedisEngine({ url, prefix, ...options });
      opened.push(engine);
      return engine;
    });
  } finally {
    for (const engine of opened) await engine[Symbol.asyncDispose]();
    if (url === serverUrl) await dropData(url, prefix);
  }
}

/** Writes a cell that must not be there. */
export function put(key: string, value = "v"): Change {
  return { op: "put", cell: { space: "s", key }, expect: "absent", value };
}

/** Adds a message. */
export function enqueue(body: string, key?: string): Change {
  return { op: "enqueue", queue: "jobs", messages: [{ body, key }] };
}

/** Ids of what a commit added. */
export function added(result: CommitResult): readonly string[] {
  if (!result.committed) throw new Error(JSON.stringify(result.refusal));
  return result.outcomes.flatMap((outcome) => (outcome.op === "enqueue" ? outcome.messages.map(({ id }) => id) : []));
}

/** Bodies of all messages. */
export async function storedIn(engine: RedisEngine): Promise<readonly string[]> {
  return (await Array.fromAsync(engine.scan({ kind: "messages", queue: "jobs" }))).map(({ body }) => body);
}

/** What an engine hands out of its queue, which must hold something. */
export async function takeOne(engine: RedisEngine, leaseMs = 30_000): Promise<Claim> {
  const { claims } = await engine.claim({ queue: "jobs", count: 1, leaseMs });
  const [claim] = claims;
  if (claim === undefined) throw new Error("nothing to claim");
  return claim;
}
