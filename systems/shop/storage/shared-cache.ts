import type { Clock } from "ashlar/clock";
import type { InvalidationBus, SharedTier } from "ashlar/cache";
import type { RedisDatabase } from "ashlar/drivers/redis";
import { KitError } from "ashlar/errors";
import type { Random } from "ashlar/random";
import { defaultNamespace, type ShopSettings } from "../settings.ts";
import { UsageError } from "../usage-error.ts";

/** What replicas of a service share beside their engine: entries of caches, and word of what has changed. */
export interface SharedCache {
  readonly shared: SharedTier | undefined;
  readonly bus: InvalidationBus | undefined;
}

type CacheSettings = Pick<ShopSettings, "cache" | "bus" | "namespace">;

/** A cache that is away for longer is done without. */
const connectMaxMs = 2_000;

// What speaks to servers is loaded where there are some, so that a shop without them starts without it.

/** Opens what `--cache` and `--bus` name, for the cache of that name; the bus is where the entries are, unless it is said. Nothing when nothing is
 *  named: then each process remembers for itself. Over PostgreSQL the bus keeps two connections, and its tables in the schema of the shop's name. The
 *  connections close with `resources`. Throws UsageError, SharingError. */
export async function openSharedCache(
  { bus, cache, namespace = defaultNamespace }: CacheSettings,
  {
    name,
    resources,
    ...around
  }: {
    readonly name: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly resources: AsyncDisposableStack;
  },
): Promise<SharedCache> {
  const reach = { connectMaxMs, application: "shop", ...around };
  const opened = new Map<string, RedisDatabase>();
  const redisAt = async (url: string): Promise<RedisDatabase> => {
    const { openRedis } = await import("ashlar/drivers/redis");
    const known = opened.get(url) ?? resources.use(await openRedis({ url, ...reach }));
    opened.set(url, known);
    return known;
  };
  const entriesAt = cacheAddress("cache", cache);
  const busAt = cacheAddress("bus", bus) ?? entriesAt;
  const prefix = `${namespace}:${name}`;
  const tierAt = async (url: string): Promise<SharedTier> => {
    const { redisTier } = await import("ashlar/cache/redis");
    return redisTier(await redisAt(url), { prefix: `${prefix}:` });
  };
  const busOn = async (url: string): Promise<InvalidationBus> => {
    const { scheme } = partsOf(url);
    if (scheme.startsWith("redis")) {
      const { redisBus } = await import("ashlar/cache/redis");
      return redisBus(await redisAt(url), { channel: `${prefix}:changes` });
    }
    if (scheme.startsWith("postgres")) {
      const [driver, { postgresBus }] = await Promise.all([
        import("ashlar/drivers/postgres"),
        import("ashlar/cache/postgres"),
      ]);
      const database = await driver.openPostgres({ url, schema: namespace, connectionsMax: 1, ...reach });
      return postgresBus(resources.use(database), { channel: `${namespace}_${name}_changes` });
    }
    const [{ openNats }, { natsBus }] = await Promise.all([import("ashlar/drivers/nats"), import("ashlar/cache/nats")]);
    const connection = resources.use(await openNats({ url, ...reach }));
    return natsBus(connection, { stream: `${namespace}-${name}-changes` });
  };
  return {
    shared: entriesAt === undefined ? undefined : await reached("cache", entriesAt, tierAt),
    bus: busAt === undefined ? undefined : await reached(bus === undefined ? "cache" : "bus", busAt, busOn),
  };
}

/** What is shared cannot be reached; the message says where, and why, in one sentence. */
class SharingError extends KitError {
  readonly code = "SHARING";
  readonly retryable = false;
}

async function reached<T>(option: "cache" | "bus", url: string, open: (url: string) => Promise<T>): Promise<T> {
  try {
    return await open(url);
  } catch (error) {
    const { hosts, scheme } = partsOf(url);
    const reason = error instanceof Error ? error.message : String(error);
    throw new SharingError(`nothing can be shared at ${scheme}://${hosts} (--${option}): ${reason}`, { cause: error });
  }
}

/** What it is and where, without user and password; of a database it may be several hosts, which no URL has. */
function partsOf(url: string): { readonly scheme: string; readonly hosts: string } {
  const [, scheme = "", hosts = ""] = /^([a-z]+):\/\/(?:.*@)?([^/?#]*)/.exec(url) ?? [];
  return { scheme, hosts };
}

const takes = {
  cache: { pattern: /^rediss?:\/\/[^\s/]+/, text: "redis://host:6379 or rediss://user@host:6380" },
  bus: {
    pattern: /^(rediss?|nats|tls|postgres|postgresql):\/\/[^\s/]+/,
    text: "redis://host:6379, postgres://user@host:5432/database, nats://host:4222 or tls://host:4222",
  },
} as const;

/** Reads `--cache` or `--bus`. Throws UsageError, which does not show what may hold a password. */
export function cacheAddress(option: "cache" | "bus", given: string | undefined): string | undefined {
  const { pattern, text } = takes[option];
  if (given === undefined || pattern.test(given)) return given;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given)?.[0] ?? "no address";
  throw new UsageError(`--${option} is ${scheme}; it takes ${text}`);
}
