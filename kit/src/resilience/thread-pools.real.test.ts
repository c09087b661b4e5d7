import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigError, TimeoutError } from "../errors/mod.ts";
import { TaskFailedError, ThreadLostError } from "./thread-errors.ts";
import { threadPools, type ThreadPools, type ThreadPoolsOptions } from "./thread-pools-system.ts";

const held: ThreadPools[] = [];

function made(options: Partial<ThreadPoolsOptions> = {}): ThreadPools {
  const module = new URL("./threads.test-program.ts", import.meta.url);
  const pools = threadPools({ name: "cpu", module, threads: { critical: 1, normal: 1, background: 1 }, ...options });
  held.push(pools);
  return pools;
}

afterEach(async () => {
  for (const pools of held.splice(0)) await pools[Symbol.asyncDispose]();
});

describe("thread pools", () => {
  test("do tasks in threads that are used again", async () => {
    const pools = made();
    expect(await Promise.all([1, 2, 3].map((value) => pools.run<number>("double", value)))).toEqual([2, 4, 6]);
    expect(pools.describe().normal).toEqual({ busy: 0, idle: 1, waiting: 0 });
    expect(pools.describe().background).toEqual({ busy: 0, idle: 0, waiting: 0 });
  });

  test("background work that never ends takes no thread of critical work, and ends with its thread", async () => {
    const pools = made({ queueMax: 0 });
    const stop = new AbortController();
    const spinning = pools.run("spin", undefined, { priority: "background", signal: stop.signal });
    await expect(pools.run("double", 1, { priority: "background" })).rejects.toMatchObject({ reason: "full" });
    expect(await pools.run("double", 21, { priority: "critical" })).toBe(42);
    stop.abort("enough");
    await expect(spinning).rejects.toBe("enough");
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    expect(await pools.run("double", 2, { priority: "background" })).toBe(4);
  });

  test("a task that takes too long is ended, and the next one has a new thread", async () => {
    const pools = made();
    await expect(pools.run("spin", undefined, { timeoutMs: 50 })).rejects.toBeInstanceOf(TimeoutError);
    expect(await pools.run("double", 2)).toBe(4);
  });

  test("an error, a lost thread, an unknown task and what cannot be cloned are told apart; all leave a pool that works", async () => {
    const pools = made();
    const failed = await pools.run("fail", undefined).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(TaskFailedError);
    expect(failed).toMatchObject({ record: { name: "RangeError", message: "too large" }, retryable: true });
    await expect(pools.run("exit", undefined)).rejects.toBeInstanceOf(ThreadLostError);
    await expect(pools.run("toString", undefined)).rejects.toMatchObject({ code: "TASK_FAILED", retryable: false });
    await expect(pools.run("uncloneable", undefined)).rejects.toMatchObject({ code: "TASK_FAILED" });
    await expect(pools.run("double", () => 1)).rejects.toThrow("could not be cloned");
    expect(await pools.run("double", 2)).toBe(4);
    expect(pools.describe().normal).toEqual({ busy: 0, idle: 1, waiting: 0 });
  });

  test("who gives up, or whose pool is closed, in the turn in which it asks has no thread", async () => {
    const pools = made();
    const stop = new AbortController();
    const given = pools.run("spin", undefined, { signal: stop.signal });
    stop.abort("enough");
    await expect(given).rejects.toBe("enough");
    expect(pools.describe().normal).toEqual({ busy: 0, idle: 0, waiting: 0 });
    const late = pools.run("spin", undefined);
    await pools[Symbol.asyncDispose]();
    await expect(late).rejects.toMatchObject({ reason: "closed" });
    expect(pools.describe().normal).toEqual({ busy: 0, idle: 0, waiting: 0 });
  });

  test("what cannot begin keeps no place: a time that is none, a module that no thread takes", async () => {
    const pools = made();
    await expect(pools.run("double", 1, { timeoutMs: Number.NaN })).rejects.toBeInstanceOf(ConfigError);
    expect(await pools.run("double", 2, { timeoutMs: 10_000 })).toBe(4);
    const nowhere = made({ module: new URL("http://localhost/none.js"), queueMax: 0 });
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(nowhere.run("double", 1)).rejects.toMatchObject({ code: "ERR_INVALID_URL_SCHEME" });
    const missing = made({ module: new URL("./none.ts", import.meta.url), queueMax: 0 });
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(missing.run("double", 1)).rejects.toBeInstanceOf(ThreadLostError);
  });

  test("what a module tells its parent besides ends nobody's task", async () => {
    const pools = made();
    expect(await pools.run("chatter", 21)).toBe(42);
  });

  test("disposing refuses who waits and ends who is at work", async () => {
    const pools = made();
    const ends = Promise.allSettled([pools.run("spin", undefined), pools.run("double", 1)]);
    await pools.run("double", 1, { priority: "critical" });
    await pools[Symbol.asyncDispose]();
    expect(await ends).toMatchObject([{ reason: { code: "THREAD_LOST" } }, { reason: { reason: "closed" } }]);
    await expect(pools.run("double", 1)).rejects.toMatchObject({ reason: "closed" });
  });
});
