import { type Clock, systemClock } from "../../clock/mod.ts";
import type { RedisDatabase, RedisReply, RedisWord } from "../../drivers/redis/mod.ts";
import { integerIn, textOf } from "../../errors/mod.ts";
import { idSource, systemRandom } from "../../random/mod.ts";
import type { LeaseRequest, SharedEntry, SharedRead, SharedTier } from "../shared-tier.ts";
import type { Invalidation } from "../target.ts";
import { tierScript } from "./tier-script.ts";

/** Options of {@link redisTier}. */
export interface RedisTierOptions {
  /** Begins the names of all its keys, 1 to 64 characters. Caches with the same one share their entries. Default "cache:". */
  readonly prefix?: string;
  /** Tags whose last invalidation is remembered, 1 to 10,000,000; of more, everything with tags that was stored before the oldest counts as
   *  invalidated. Default 100,000. */
  readonly tagsMax?: number;
  /** For tests: a time to go by in place of the server's. Keys then outlive what they say by ten minutes. */
  readonly clock?: Pick<Clock, "now">;
}

/** Loads take some milliseconds at least; to ask more often than so many times a lease finds nothing new. */
const asksALease = 100;
const retryMinMs = 5;
const retryMaxMs = 250;
// Keys that a script is told of at once: each is a microsecond or two of the server's only thread.
const keysMax = 256;

/**
 * Entries on a Redis server, for all processes that reach it; the database stays the caller's to close. Each call is one script. Nothing that was
 * invalidated is shown again, also when the server loses its memory or a part of it: it then begins empty. Throws ConfigError.
 */
export function redisTier(database: RedisDatabase, options: RedisTierOptions = {}): SharedTier {
  const prefix = textOf("prefix", options.prefix ?? "cache:", { lengthMax: 64 });
  const tagsMax = integerIn("tagsMax", options.tagsMax ?? 100_000, { min: 1, max: 10_000_000 });
  return new RedisTier(database, { prefix, tagsMax, clock: options.clock });
}

interface TierSettings {
  readonly prefix: string;
  readonly tagsMax: number;
  readonly clock: Pick<Clock, "now"> | undefined;
}

class RedisTier implements SharedTier {
  readonly #database: RedisDatabase;
  readonly #settings: TierSettings;
  readonly #common: readonly string[];
  readonly #own = idSource({ clock: systemClock, random: systemRandom })();

  constructor(database: RedisDatabase, settings: TierSettings) {
    this.#database = database;
    this.#settings = settings;
    this.#common = ["era", "hard", "soft"].map((name) => `${settings.prefix}${name}`);
  }

  async read(keys: readonly string[], lease?: LeaseRequest): Promise<readonly SharedRead[]> {
    const parts: Promise<readonly SharedRead[]>[] = [];
    for (let from = 0; from < keys.length; from += keysMax)
      parts.push(this.#readKeys(keys.slice(from, from + keysMax), lease));
    return (await Promise.all(parts)).flat();
  }

  async fill(key: string, token: string, entry: SharedEntry): Promise<"stored" | "refused"> {
    const answer = await this.#ask([key], ["fill", token, ...wordsOf(entry)]);
    return answer === "stored" ? "stored" : "refused";
  }

  async abandon(key: string, token: string): Promise<void> {
    await this.#ask([key], ["abandon", token]);
  }

  async write(key: string, entry: SharedEntry): Promise<"stored" | "outdated"> {
    const answer = await this.#ask([key], ["write", ...wordsOf(entry)]);
    return answer === "stored" ? "stored" : "outdated";
  }

  async invalidate({ target, mode, olderThan }: Invalidation): Promise<void> {
    if ("keys" in target) {
      for (let from = 0; from < target.keys.length; from += keysMax)
        await this.#ask(target.keys.slice(from, from + keysMax), ["keys", mode, `${olderThan ?? ""}`]);
    } else if ("tags" in target) await this.#ask([], ["tags", mode, ...target.tags]);
    else await this.#ask([], ["all", mode]);
  }

  async #readKeys(keys: readonly string[], lease: LeaseRequest | undefined): Promise<readonly SharedRead[]> {
    const retryAfterMs = Math.min(retryMaxMs, Math.max(retryMinMs, (lease?.forMs ?? 0) / asksALease));
    const replies = await this.#ask(keys, ["read", `${lease?.forMs ?? 0}`, lease?.of ?? ""]);
    return readsOf(replies as readonly (string | List)[], retryAfterMs);
  }

  #ask(keys: readonly string[], words: readonly RedisWord[]): Promise<RedisReply> {
    const { prefix, tagsMax, clock } = this.#settings;
    const time = clock === undefined ? ["", this.#own, "1000"] : [`${clock.now()}`, this.#own, "600000"];
    const rest = [...time, `${tagsMax}`, ...words];
    return this.#database.run(tierScript, {
      keys: [...this.#common, ...keys.map((key) => `${prefix}entry:${key}`)],
      values: ["known", ...rest],
      valuesWhenUnknown: ["new", ...rest],
    });
  }
}

/** An entry as the script takes it. */
function wordsOf({ body, freshMs, keptMs, tags, version }: SharedEntry): readonly string[] {
  const kind = body === undefined ? "none" : "body";
  return [
    kind,
    body ?? "",
    `${freshMs}`,
    `${keptMs}`,
    tags.length === 0 ? "" : JSON.stringify(tags),
    `${version ?? ""}`,
  ];
}

type List = readonly (string | null)[];

/** The time, then for each key what a fresh entry was told as and its body, or a list. */
function readsOf(replies: readonly (string | List)[], retryAfterMs: number): readonly SharedRead[] {
  const nowMs = Number(replies[0]);
  return replies
    .slice(1)
    .map((reply) => (typeof reply === "string" ? plainOf(reply, nowMs) : readOf(reply, retryAfterMs)));
}

/** Kind, end of being fresh, end of all, version and tags, with blanks between, and behind the end of the line the body. */
function plainOf(text: string, nowMs: number): SharedRead {
  const lineEnd = text.indexOf("\n");
  const freshAt = text.indexOf(" ") + 1;
  const keptAt = text.indexOf(" ", freshAt) + 1;
  const versionAt = text.indexOf(" ", keptAt) + 1;
  const tagsAt = text.indexOf(" ", versionAt) + 1;
  const entry = entryOf({
    kind: text.slice(0, freshAt - 1),
    body: text.slice(lineEnd + 1),
    freshMs: Number(text.slice(freshAt, keptAt - 1)) - nowMs,
    keptMs: Number(text.slice(keptAt, versionAt - 1)) - nowMs,
    tags: text.slice(tagsAt, lineEnd),
    version: text.slice(versionAt, tagsAt - 1),
  });
  return { kind: "found", entry, token: undefined };
}

function readOf(reply: List, retryAfterMs: number): SharedRead {
  const [kind, body, freshMs, keptMs, tags, version, token] = reply;
  if (kind === "loading") return { kind, retryAfterMs };
  if (kind === "missing") return body ? { kind, token: body } : { kind };
  const life = { freshMs: Number(freshMs), keptMs: Number(keptMs) };
  const entry = entryOf({ kind: kind ?? "", body: body ?? "", ...life, tags: tags ?? "", version: version ?? "" });
  return { kind: "found", entry, token: token ?? undefined };
}

interface Told {
  readonly kind: string;
  readonly body: string;
  readonly freshMs: number;
  readonly keptMs: number;
  readonly tags: string;
  readonly version: string;
}

function entryOf({ kind, body, freshMs, keptMs, tags, version }: Told): SharedEntry {
  return {
    body: kind === "none" ? undefined : body,
    freshMs,
    keptMs,
    tags: tags === "" ? [] : (JSON.parse(tags) as readonly string[]),
    version: version === "" ? undefined : Number(version),
  };
}
