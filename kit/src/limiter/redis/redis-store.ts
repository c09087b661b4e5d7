import type { Clock } from "../../clock/mod.ts";
import type { RedisDatabase } from "../../drivers/redis/mod.ts";
import { textOf } from "../../errors/mod.ts";
import { RulePlaces } from "../rule-places.ts";
import { replay } from "../server-replay.ts";
import type { LimiterStore, StoreCall, Verdict } from "../store.ts";
import { AnswerBytes } from "./answer-bytes.ts";
import { requestOf } from "./request.ts";

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** Begins the names of all its keys, 1 to 64 characters. Stores with the same one share their limits. Default "limiter:". */
  readonly prefix?: string;
  /** For tests: a time to go by in place of the server's. Keys then outlive what they say by ten minutes. */
  readonly clock?: Pick<Clock, "now">;
}

// So many calls are a millisecond of the server's only thread at most.
const callsMax = 256;
// A step back of the store's time of up to a second is waited out; states must last as long.
const slackMs = 2_000;
const clockSlackMs = 600_000;

/**
 * The states of limits on a Redis server, for all processes that reach it; the database stays the caller's to close. A batch is one script, or one
 * for each 256 calls, sent in one write. Throws ConfigError.
 */
export function redisStore(database: RedisDatabase, options: RedisStoreOptions = {}): LimiterStore {
  const prefix = textOf("prefix", options.prefix ?? "limiter:", { lengthMax: 64 });
  return new OnRedis(database, { prefix, clock: options.clock });
}

class OnRedis implements LimiterStore {
  readonly name = "redis";
  readonly #database: RedisDatabase;
  readonly #prefix: string;
  readonly #clock: Pick<Clock, "now"> | undefined;
  readonly #places = new RulePlaces();

  constructor(
    database: RedisDatabase,
    { prefix, clock }: { readonly prefix: string; readonly clock: Pick<Clock, "now"> | undefined },
  ) {
    this.#database = database;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    if (calls.length > callsMax) return this.#decideMany(calls);
    return calls.length === 0 ? Promise.resolve([]) : this.#decide(calls);
  }

  async #decideMany(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    const parts: Promise<readonly Verdict[]>[] = [];
    for (let from = 0; from < calls.length; from += callsMax)
      parts.push(this.#decide(calls.slice(from, from + callsMax)));
    return (await Promise.all(parts)).flat();
  }

  async #decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    const { batch, script, scriptCall } = requestOf(calls, this.#places, {
      prefix: this.#prefix,
      timeUs: this.#clock === undefined ? false : Math.round(this.#clock.now() * 1_000),
      slackMs: this.#clock === undefined ? slackMs : clockSlackMs,
    });
    const bytes = await this.#database.run(script, scriptCall);
    if (!Buffer.isBuffer(bytes)) throw new TypeError("the script of the limiter answers with bytes");
    return replay(calls, { places: this.#places, batch, answer: new AnswerBytes(bytes) });
  }
}
