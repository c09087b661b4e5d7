// What a take costs: node --expose-gc --conditions=ashlar-source kit/src/limiter/limiter.bench.ts
// Nanoseconds of thread time in memory, by algorithm, number of keys and length of window; memory a key; takes per second in SQLite.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { memoryStore } from "../limiter/memory/mod.ts";
import {
  concurrency,
  fixedWindow,
  leakyBucket,
  limiter,
  type NowLimiter,
  type Rule,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "./mod.ts";
import { openSqliteStore } from "../limiter/sqlite/mod.ts";

const rounds = 7;
const dayMs = 86_400_000;
const manyKeys = 131_072;

function print(...cells: (string | number)[]): void {
  const padded = cells.map((cell, place) => (place === 0 ? String(cell).padEnd(58) : String(cell).padStart(14)));
  process.stdout.write(`${padded.join("")}\n`);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** Thread time, so that neighbours on the machine do not count. */
async function nanoseconds(count: number, run: () => void | Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const from = process.threadCpuUsage();
    await run();
    const spent = process.threadCpuUsage(from);
    if (round > 0) times.push(((spent.user + spent.system) / count) * 1e3);
  }
  return median(times);
}

let allowed = 0;

function over(limit: NowLimiter, keys: readonly string[], count: number): () => void {
  return () => {
    const mask = keys.length - 1;
    for (let index = 0; index < count; index++)
      if (limit.takeNow(keys[(index * 7_919) & mask] ?? "").allowed) allowed++;
  };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `ip:${index}`);
const make = (...rules: Rule[]): NowLimiter =>
  limiter({ name: "bench", rules, store: memoryStore({ keysMax: 1_000_000 }) });

const jobs: Readonly<Record<string, () => Promise<void>>> = {
  async bucket() {
    const wide = { limit: 1e6, windowMs: 1, burst: 1e6 };
    print("token bucket, takeNow, one key", await time(make(tokenBucket(wide)), 1));
    print(`token bucket, takeNow, ${manyKeys} keys`, await time(make(tokenBucket(wide)), manyKeys));
  },
  async floor() {
    // What a team writes by hand: one number a key, no bound, nothing to give back.
    const stepMs = 1e-6;
    const dueAtMs = new Map<string, number>();
    const take = (key: string): boolean => {
      const nowMs = performance.now();
      const nextMs = Math.max(dueAtMs.get(key) ?? 0, nowMs) + stepMs;
      if (nextMs - nowMs > 1) return false;
      dueAtMs.set(key, nextMs);
      return true;
    };
    const count = 2_000_000;
    const run = (): void => {
      for (let index = 0; index < count; index++) if (take("ip:0")) allowed++;
    };
    print("(hand-written GCRA over a map, one key)", (await nanoseconds(count, run)).toFixed(0));
    const read = (): void => {
      for (let index = 0; index < count; index++) if (performance.now() > 0) allowed++;
    };
    print("(reading the clock alone)", (await nanoseconds(count, read)).toFixed(0));
  },
  async day() {
    print("token bucket of a day, takeNow, one key", await time(make(tokenBucket({ limit: 1e9, windowMs: dayMs })), 1));
  },
  async refused() {
    print("token bucket, refused", await time(make(tokenBucket({ limit: 1, windowMs: dayMs })), 1));
  },
  async awaited() {
    const limit = make(tokenBucket({ limit: 1e6, windowMs: 1, burst: 1e6 }));
    const count = 200_000;
    const run = async (): Promise<void> => {
      for (let index = 0; index < count; index++) if ((await limit.take("key")).allowed) allowed++;
    };
    print("token bucket, take, awaited", (await nanoseconds(count, run)).toFixed(0));
  },
  async fixed() {
    print("fixed window, one key", await time(make(fixedWindow({ limit: 1e9, windowMs: dayMs })), 1));
  },
  async sliding() {
    print("sliding window, one key", await time(make(slidingWindow({ limit: 1e9, windowMs: dayMs })), 1));
  },
  async leaky() {
    print("leaky bucket, one key", await time(make(leakyBucket({ limit: 1e6, windowMs: 1, queueMax: 1e6 })), 1, 4e5));
  },
  async log() {
    // As many as a tenth of a second lets pass, so that entries come and go.
    print("sliding log of 10,000 in 5 ms, one key", await time(make(slidingLog({ limit: 1e4, windowMs: 5 })), 1, 4e5));
    print("sliding log of 100 in 1 ms, one key", await time(make(slidingLog({ limit: 100, windowMs: 1 })), 1, 4e5));
  },
  async leases() {
    const limit = make(concurrency({ limit: 1_000, leaseMs: dayMs }));
    const count = 400_000;
    const run = (): void => {
      for (let index = 0; index < count; index++) {
        using decision = limit.takeNow("key");
        if (decision.allowed) allowed++;
      }
    };
    print("concurrency, take and give back", (await nanoseconds(count, run)).toFixed(0));
  },
  async three() {
    const rules = [
      tokenBucket({ limit: 1e6, windowMs: 1, burst: 1e6 }),
      fixedWindow({ limit: 1e9, windowMs: dayMs }),
      slidingWindow({ limit: 1e9, windowMs: dayMs, per: "everyone" }),
    ];
    print("three rules at once, one key", await time(make(...rules), 1, 4e5));
  },
  async new() {
    const keys = names(manyKeys);
    const run = (): void => {
      const limit = make(tokenBucket({ limit: 10, windowMs: 1_000 }));
      for (const key of keys) if (limit.takeNow(key).allowed) allowed++;
    };
    print("first sight of a key", (await nanoseconds(manyKeys, run)).toFixed(0));
    const full = limiter({
      name: "full",
      rules: [tokenBucket({ limit: 10, windowMs: dayMs })],
      store: memoryStore({ keysMax: 10_000 }),
    });
    const churn = (): void => {
      for (const key of keys) if (full.takeNow(key).allowed) allowed++;
    };
    print("first sight of a key in a full table of 10,000", (await nanoseconds(manyKeys, churn)).toFixed(0));
  },
  async memory() {
    const count = 300_000;
    const keys = names(count);
    for (const key of keys) allowed += key.charCodeAt(3);
    const limit = make(tokenBucket({ limit: 10, windowMs: dayMs }));
    globalThis.gc?.();
    const before = process.memoryUsage();
    for (const key of keys) if (limit.takeNow(key).allowed) allowed++;
    globalThis.gc?.();
    const after = process.memoryUsage();
    const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    print("bytes a key beyond its text", globalThis.gc === undefined ? "--expose-gc" : (bytes / count).toFixed(0));
    if (!limit.takeNow("last").allowed) throw new Error("a new key has its limit");
  },
  async sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "ashlar-limiter-bench-"));
    await using store = await openSqliteStore({ path: join(folder, "limits.db") });
    const limit = limiter({ name: "bench", rules: [tokenBucket({ limit: 1e6, windowMs: 1, burst: 1e6 })], store });
    for (const [what, keys, inFlight] of [
      ["one caller", 1, 1],
      ["64 in flight, one key", 1, 64],
      ["64 in flight, 10,000 keys", 10_000, 64],
    ] as const) {
      const rates: number[] = [];
      for (let round = 0; round < 5; round++)
        rates.push(await perSecond(inFlight, (index) => limit.take(`key ${(index * 7_919) % keys}`)));
      print(`SQLite, ${what}: takes per second`, median(rates).toFixed(0));
    }
    rmSync(folder, { recursive: true });
  },
};

async function time(limit: NowLimiter, keys: number, count = 2_000_000): Promise<string> {
  return (await nanoseconds(count, over(limit, names(keys), count))).toFixed(0);
}

async function perSecond(inFlight: number, take: (index: number) => Promise<unknown>): Promise<number> {
  const fromMs = performance.now();
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - fromMs < 400) await take(done++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (done / (performance.now() - fromMs)) * 1_000;
}

const [job] = process.argv.slice(2);
const chosen = jobs[job ?? ""];
if (chosen !== undefined) await chosen();
else {
  print("in memory", "ns a take");
  // Each has a process to itself, as in a program: code that serves six algorithms is slower.
  for (const name of Object.keys(jobs)) {
    const flags = ["--expose-gc", "--conditions=ashlar-source", import.meta.filename, name];
    process.stdout.write(execFileSync(process.execPath, flags));
  }
}
if (allowed < 0) print(allowed);
