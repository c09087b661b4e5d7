import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";

import { boundedMap } from "ashlar/cache";

import { type Figure, type Row } from "../frame.ts";

const data = process.env["ASHLAR_DATA"] ?? resolve(import.meta.dirname, "../../../../shared/data");
const folder = join(data, "cache-traces");

/** Real traces, and the sizes at which they are replayed. */
export const replays = [
  { trace: "oltp", sizes: [1_000, 2_000, 5_000, 10_000, 15_000] },
  { trace: "web07", sizes: [100, 500, 1_000, 2_500, 5_000] },
  { trace: "sprite", sizes: [100, 200, 400, 600, 1_000] },
  { trace: "2_pools", sizes: [50, 100, 200, 300, 450] },
  { trace: "multi1", sizes: [250, 500, 1_000, 1_500, 2_000] },
  { trace: "gli", sizes: [250, 500, 1_000, 1_500, 2_000] },
] as const;
export const replayPath = (trace: string, size: number): string =>
  `hit ratio, ${trace}, ${size.toLocaleString("en-US")} entries`;

interface Trace {
  readonly keys: Int32Array;
  /** Misses of the optimum that knows the future, by size: counted by a program that is not ours. */
  readonly optimum: ReadonlyMap<number, number>;
}

function read(name: string): Trace {
  const file = join(folder, `${name}.keys.gz`);
  if (!existsSync(file)) throw new Error(`skipped: ${file} is not here; set ASHLAR_DATA`);
  const lines = gunzipSync(readFileSync(file)).toString("latin1").trim().split("\n");
  const [head = "", ...rows] = readFileSync(join(folder, "expected-hit-ratios.csv"), "utf8").trim().split("\n");
  const names = head.split(",");
  const cell = (row: string, column: string): string => row.split(",")[names.indexOf(column)] ?? "";
  const own = rows.filter((row) => cell(row, "trace") === name);
  const optimum = own.map((row) => [Number(cell(row, "capacity")), Number(cell(row, "misses_MIN"))] as const);
  return { keys: Int32Array.from(lines, Number), optimum: new Map(optimum) };
}

interface Cache {
  get(key: number): unknown;
  set(key: number, value: number): unknown;
}

/** Of all requests, in %, where a miss is stored at once. */
async function ratio(name: string, trace: string, make: () => Cache | Promise<Cache>): Promise<Figure> {
  const { keys } = read(trace);
  const held = await make();
  let hits = 0;
  for (const key of keys) {
    if (await held.get(key)) hits++;
    else await held.set(key, 1);
  }
  return { name, durability: "", value: (100 * hits) / keys.length };
}

function replayRow(trace: string, size: number): Row {
  const ours = (name: string, policy: "s3-fifo" | "w-tiny-lfu"): (() => Promise<Figure>) => {
    return () => ratio(name, trace, () => boundedMap<number, number>({ entries: size, policy }));
  };
  return {
    better: "higher",
    unit: "%",
    path: replayPath(trace, size),
    limitName: "%, knowing the future",
    ours: ours("S3-FIFO", "s3-fifo"),
    rivals: [
      ours("Ashlar, W-TinyLFU", "w-tiny-lfu"),
      () =>
        ratio("lru-cache 11", trace, async () => {
          const { LRUCache } = await import("lru-cache");
          return new LRUCache<number, number>({ max: size });
        }),
      () =>
        ratio("transitory 2, W-TinyLFU", trace, async () => {
          const { newCache } = await import("transitory");
          const held = newCache<number, number>().maxSize(size).build();
          return { get: (key) => held.getIfPresent(key) ?? undefined, set: (key, value) => held.set(key, value) };
        }),
      () =>
        ratio("bentocache 1.6", trace, async () => {
          const { BentoCache, bentostore } = await import("bentocache");
          const { memoryDriver } = await import("bentocache/drivers/memory");
          const store = bentostore().useL1Layer(memoryDriver({ maxItems: size, serialize: false }));
          const held = new BentoCache({ default: "all", stores: { all: store } });
          const text = (key: number): string => String(key);
          return {
            get: (key) => held.get({ key: text(key) }),
            set: (key, value) => held.setForever({ key: text(key), value }),
          };
        }),
      () =>
        ratio("cacheable 2, memory", trace, async () => {
          const { CacheableMemory } = await import("cacheable");
          const held = new CacheableMemory({ lruSize: size, useClone: false });
          return { get: (key) => held.get(String(key)), set: (key, value) => held.set(String(key), value) };
        }),
    ],
    limit: async () => {
      const { keys, optimum } = read(trace);
      const misses = optimum.get(size);
      if (misses === undefined) throw new Error(`the optimum of ${trace} at ${size} entries is not known`);
      return { name: "optimum", durability: "", value: 100 - (100 * misses) / keys.length };
    },
  };
}

export const hitRatios: readonly Row[] = replays.flatMap(({ trace, sizes }) =>
  sizes.map((size) => replayRow(trace, size)),
);
