import { boundedMap, cache } from "ashlar/cache";

import { nanoseconds, type Figure, type Row } from "../frame.ts";

interface User {
  readonly id: string;
}

const size = 10_000;
const orderMask = 0xffff;
const keys = Array.from({ length: size }, (_, index) => `user:${index}`);
/** In no order, so that the processor's caches are missed as in life. */
const order = Array.from({ length: orderMask + 1 }, (_, index) => keys[(index * 7_919) % size] ?? "");
const others = Array.from({ length: size * 16 }, (_, index) => `other:${index}`);
const value: User = { id: "value" };
const ttlMs = 3_600_000;

let next = 0;
/** A key that has not been asked for lately. */
const fresh = (): string => {
  next = next + 1 === others.length ? 0 : next + 1;
  return others[next] ?? "";
};

const bare = (name: string, ns: number): Figure => ({ name, durability: "", value: ns });

/** Every read must bring the value of its key. */
async function reads(name: string, read: (key: string) => User | undefined): Promise<Figure> {
  const ns = await nanoseconds((count) => {
    let right = 0;
    for (let index = 0; index < count; index++) if (read(order[index & orderMask] ?? "") !== undefined) right++;
    if (right !== count) throw new Error(`${name}: ${right} of ${count} reads were hits`);
  });
  return bare(name, ns);
}

async function awaits(
  name: string,
  read: (key: string) => Promise<User | undefined>,
  pick?: () => string,
): Promise<Figure> {
  const ns = await nanoseconds(async (count) => {
    let right = 0;
    for (let index = 0; index < count; index++)
      if ((await read(pick === undefined ? (order[index & orderMask] ?? "") : pick())) !== undefined) right++;
    if (right !== count) throw new Error(`${name}: ${right} of ${count} reads brought a value`);
  });
  return bare(name, ns);
}

async function filledOurs(tags: readonly string[] = []) {
  const users = cache<User>({ entries: size, ttlMs, ...(tags.length > 0 && { tagsOf: () => tags }) });
  for (const key of keys) await users.set(key, { id: key });
  if (tags.length > 0) await users.invalidate({ tags: ["another"] }); // until then no tag is looked at
  return users;
}

const mapped = (): Map<string, User> => new Map(keys.map((key) => [key, { id: key }]));

async function lru(load?: (key: string) => Promise<User>) {
  const { LRUCache } = await import("lru-cache");
  const users = new LRUCache<string, User>({ max: size, ttl: ttlMs, ...(load !== undefined && { fetchMethod: load }) });
  for (const key of keys) users.set(key, { id: key });
  return users;
}

async function bento(tags?: string[]) {
  const { BentoCache, bentostore } = await import("bentocache");
  const { memoryDriver } = await import("bentocache/drivers/memory");
  const store = bentostore().useL1Layer(memoryDriver({ maxItems: size, serialize: false }));
  const users = new BentoCache({ default: "users", ttl: ttlMs, stores: { users: store } });
  for (const key of keys) await users.set({ key, value: { id: key }, ...(tags && { tags }) });
  if (tags !== undefined) await users.deleteByTag({ tags: ["another"] });
  return users;
}

async function cacheable(entries = 0) {
  const { Cacheable, CacheableMemory, Keyv, KeyvCacheableMemory } = await import("cacheable");
  const store = new KeyvCacheableMemory({ ttl: ttlMs, useClone: false, lruSize: entries });
  const users = new Cacheable({ primary: new Keyv({ store }), ttl: ttlMs });
  const memory = new CacheableMemory({ ttl: ttlMs, useClone: false, lruSize: entries });
  for (const key of keys) {
    await users.set(key, { id: key });
    memory.set(key, { id: key });
  }
  return { users, memory };
}

const base = { better: "lower", unit: "ns", limitName: "ns" } as const;
const load = async (): Promise<User> => value;

const hit: Row = {
  ...base,
  path: "cache hit with a life, at once",
  bar: 60,
  ours: async () => {
    const users = await filledOurs();
    return reads("Ashlar, peek", (key) => users.peek(key));
  },
  rivals: [
    async () => {
      const users = await lru();
      return reads("lru-cache 11, get with ttl", (key) => users.get(key));
    },
    async () => {
      const { memory } = await cacheable();
      return reads("cacheable 2, memory, no clones", (key) => memory.get(key));
    },
  ],
  limit: () => {
    const users = mapped();
    return reads("Map.get", (key) => users.get(key));
  },
};

const hitAwaited: Row = {
  ...base,
  path: "cache hit with a life, awaited, a loader behind it",
  bar: 120,
  ours: async () => {
    const users = await filledOurs();
    return awaits("Ashlar, get", (key) => users.get(key, load));
  },
  rivals: [
    async () => {
      const users = await lru(load);
      return awaits("lru-cache 11, fetch", (key) => users.fetch(key));
    },
    async () => {
      const users = await bento();
      return awaits("bentocache 1.6, getOrSet, not serialised", (key) =>
        users.getOrSet({ key, factory: load, ttl: ttlMs }),
      );
    },
    async () => {
      const { users } = await cacheable();
      return awaits("cacheable 2, getOrSet", (key) => users.getOrSet(key, load, { ttl: ttlMs }));
    },
  ],
  limit: () => {
    const users = mapped();
    return awaits("Map.get in an async function", async (key) => users.get(key));
  },
};

const threeTags = ["a", "b", "c"];

const hitTagged: Row = {
  ...base,
  path: "cache hit with a life and three tags, awaited",
  bar: 200,
  ours: async () => {
    const users = await filledOurs(threeTags);
    return awaits("Ashlar, get", (key) => users.get(key, load));
  },
  rivals: [
    async () => {
      const users = await bento(threeTags);
      return awaits("bentocache 1.6, getOrSet, not serialised", (key) =>
        users.getOrSet({ key, factory: load, ttl: ttlMs, tags: threeTags }),
      );
    },
  ],
  limit: hitAwaited.limit,
};

/** Writes of new keys: each makes another leave. */
async function evicts(name: string, set: (key: string) => unknown, sizeOf: () => number): Promise<Figure> {
  const ns = await nanoseconds((count) => {
    for (let index = 0; index < count; index++) set(fresh());
  });
  if (sizeOf() !== size) throw new Error(`${name} holds ${sizeOf()} entries`);
  return bare(name, ns);
}

const evictingSet: Row = {
  ...base,
  path: "set of a new key in a full cache of 10,000",
  bar: 150,
  ours: () => {
    const users = boundedMap<string, User>({ entries: size });
    for (const key of keys) users.set(key, value);
    return evicts(
      "Ashlar, boundedMap, S3-FIFO",
      (key) => users.set(key, value),
      () => users.size,
    );
  },
  rivals: [
    async () => {
      const { LRUCache } = await import("lru-cache");
      const users = new LRUCache<string, User>({ max: size });
      for (const key of keys) users.set(key, value);
      return evicts(
        "lru-cache 11",
        (key) => users.set(key, value),
        () => users.size,
      );
    },
    async () => {
      const { memory } = await cacheable(size);
      return evicts(
        "cacheable 2, memory, no clones",
        (key) => memory.set(key, value),
        () => memory.size,
      );
    },
  ],
  limit: () => {
    const users = new Map(keys.map((key) => [key, value]));
    // One iterator held open: a new one for each walks over what was deleted.
    const oldest = users.keys();
    return evicts(
      "Map, first in first out",
      (key) => {
        const gone = oldest.next().value;
        if (gone !== undefined) users.delete(gone);
        users.set(key, value);
      },
      () => users.size,
    );
  },
};

const missed: Row = {
  ...base,
  path: "cache miss with a life, ready loader, full cache of 10,000",
  bar: 1_300,
  ours: async () => {
    const users = await filledOurs();
    return awaits("Ashlar, get", (key) => users.get(key, load), fresh);
  },
  rivals: [
    async () => {
      const users = await lru(load);
      return awaits("lru-cache 11, fetch", (key) => users.fetch(key), fresh);
    },
    async () => {
      const users = await bento();
      return awaits(
        "bentocache 1.6, getOrSet, not serialised",
        (key) => users.getOrSet({ key, factory: load, ttl: ttlMs }),
        fresh,
      );
    },
    async () => {
      const { users } = await cacheable(size);
      return awaits("cacheable 2, getOrSet", (key) => users.getOrSet(key, load, { ttl: ttlMs }), fresh);
    },
  ],
  limit: () => awaits("await of the loader alone", load),
};

export const caches: readonly Row[] = [hit, hitAwaited, hitTagged, evictingSet, missed];
