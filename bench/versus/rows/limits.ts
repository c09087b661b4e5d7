import { limiter, tokenBucket, type NowLimiter } from "ashlar/limiter";
import { memoryStore } from "ashlar/limiter/memory";

import { bytesKept, nanoseconds, type Figure, type Row } from "../frame.ts";

/** Live keys by which the cost of one decision is shown; a power of two, so that a mask picks one. */
export const keysOfLimiter = [1, 1_024, 16_384, 131_072, 1_048_576] as const;
export const takePath = (keys: number): string =>
  `limiter in memory, one take, ${keys.toLocaleString("en-US")} ${keys === 1 ? "key" : "keys"}`;

const names = (count: number): string[] => {
  const all = Array.from({ length: count }, (_, index) => `ip:${index}`);
  // A text that is joined is hashed and flattened when it is first used: before anything is measured.
  const seen = new Set(all);
  if (seen.size !== count) throw new Error("every key is another one");
  return all;
};

/** What a team writes by hand: a number a key, no bound, nothing to give back, no `retryAfterMs`. */
function byHand(limit: number, windowMs: number): (key: string) => boolean {
  const stepMs = windowMs / limit;
  const dueAtMs = new Map<string, number>();
  return (key) => {
    const nowMs = performance.now();
    const nextMs = Math.max(dueAtMs.get(key) ?? 0, nowMs) + stepMs;
    if (nextMs - nowMs > windowMs) return false;
    dueAtMs.set(key, nextMs);
    return true;
  };
}

const generous = { limit: 1e9, windowMs: 1_000 };
const ours = (rule: { readonly limit: number; readonly windowMs: number }): NowLimiter =>
  limiter({ name: "bench", rules: [tokenBucket(rule)], store: memoryStore({ keysMax: 2_000_000 }) });

/** Every call must end as it is meant to. */
function checked(name: string, asIntended: number, asked: number, value: number): Figure {
  if (asIntended !== asked) throw new Error(`${name}: ${asIntended} of ${asked} calls ended as they were meant to`);
  return { name, durability: "", value };
}

async function now(name: string, count: number, take: (key: string) => boolean): Promise<Figure> {
  const keys = names(count);
  const mask = count - 1;
  let [right, asked] = [0, 0];
  const value = await nanoseconds((calls) => {
    asked += calls;
    for (let index = 0; index < calls; index++) if (take(keys[(index * 7_919) & mask] ?? "")) right++;
  });
  return checked(name, right, asked, value);
}

/** Waits for what the limiter itself promises: an async function between would cost as much as the take. */
async function awaited<T>(name: string, count: number, { take, isRight }: Awaited<T>): Promise<Figure> {
  const keys = names(count);
  const mask = count - 1;
  let [right, asked] = [0, 0];
  const value = await nanoseconds(async (calls) => {
    asked += calls;
    for (let index = 0; index < calls; index++) if (isRight(await take(keys[(index * 7_919) & mask] ?? ""))) right++;
  });
  return checked(name, right, asked, value);
}

interface Awaited<T> {
  readonly take: (key: string) => Promise<T>;
  readonly isRight: (answer: T) => boolean;
}

async function flexible(points: number, duration: number) {
  const { RateLimiterMemory } = await import("rate-limiter-flexible");
  return new RateLimiterMemory({ points, duration });
}

const base = { better: "lower", unit: "ns", limitName: "ns, GCRA over a Map by hand" } as const;

function takeNow(keys: number): Row {
  return {
    ...base,
    path: takePath(keys),
    bar: keys === 1 ? 65 : undefined,
    ours: () => {
      const limit = ours(generous);
      return now("Ashlar, takeNow", keys, (key) => limit.takeNow(key).allowed);
    },
    rivals: [
      async () => {
        const limit = await flexible(2 ** 40, 600);
        return awaited("rate-limiter-flexible 11, awaited", keys, {
          take: (key) => limit.consume(key),
          isRight: ({ remainingPoints }) => remainingPoints > 0,
        });
      },
    ],
    limit: () => now("by hand", keys, byHand(1e9, 1_000)),
  };
}

const take: Row = {
  ...base,
  path: "limiter in memory, one awaited take",
  bar: 110,
  ours: () => {
    const limit = ours(generous);
    return awaited("Ashlar, take", 1, { take: (key) => limit.take(key), isRight: ({ allowed }) => allowed });
  },
  rivals: [
    async () => {
      const limit = await flexible(2 ** 40, 600);
      return awaited("rate-limiter-flexible 11", 1, {
        take: (key) => limit.consume(key),
        isRight: ({ remainingPoints }) => remainingPoints > 0,
      });
    },
  ],
  limit: () => {
    const take = byHand(1e9, 1_000);
    const later = async (key: string): Promise<boolean> => take(key);
    return awaited("by hand, async", 1, { take: later, isRight: (isAllowed) => isAllowed });
  },
};

const refused: Row = {
  ...base,
  path: "limiter in memory, a refused take",
  ours: () => {
    const limit = ours({ limit: 1, windowMs: 86_400_000 });
    limit.takeNow("ip:0");
    return now("Ashlar, takeNow", 1, (key) => !limit.takeNow(key).allowed);
  },
  rivals: [
    async () => {
      const limit = await flexible(1, 3_600);
      await limit.consume("ip:0");
      return awaited("rate-limiter-flexible 11, rejects", 1, {
        take: (key) =>
          limit.consume(key).then(
            () => false,
            () => true,
          ),
        isRight: (isRefused) => isRefused,
      });
    },
  ],
  limit: () => {
    const take = byHand(1, 86_400_000);
    take("ip:0");
    return now("by hand", 1, (key) => !take(key));
  },
};

const keysKept = 300_000;

async function memoryOf(name: string, make: (keys: readonly string[]) => unknown): Promise<Figure> {
  const keys = names(keysKept);
  const bytes = await bytesKept(() => make(keys));
  return { name, durability: "", value: bytes / keys.length };
}

const memory: Row = {
  better: "lower",
  unit: "B a key",
  path: "limiter in memory, 300,000 keys beyond their text",
  bar: 70,
  limitName: "bytes a key, Map of one number",
  ours: () =>
    memoryOf("Ashlar", (keys) => {
      const limit = ours({ limit: 10, windowMs: 86_400_000 });
      for (const key of keys) if (!limit.takeNow(key).allowed) throw new Error("a new key has its limit");
      return limit;
    }),
  rivals: [
    () =>
      memoryOf("rate-limiter-flexible 11", async (keys) => {
        const limit = await flexible(10, 86_400);
        for (const key of keys) await limit.consume(key);
        return limit;
      }),
  ],
  limit: () => {
    let take = byHand(10, 86_400_000);
    return memoryOf("by hand", (keys) => {
      for (const key of keys) if (!take(key)) throw new Error("a new key has its limit");
      return (take = take.bind(undefined));
    });
  },
};

export const limits: readonly Row[] = [...keysOfLimiter.map(takeNow), take, refused, memory];
