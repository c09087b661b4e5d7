import type { Clock } from "../../clock/mod.ts";
import {
  openPostgres,
  type PostgresDatabase,
  PostgresError,
  type PostgresOptions,
  type Statement,
} from "../../drivers/postgres/mod.ts";
import { integerIn, oneOf } from "../../errors/mod.ts";
import { RulePlaces } from "../rule-places.ts";
import { replay } from "../server-replay.ts";
import type { LimiterStore, StoreCall, Verdict } from "../store.ts";
import { MergedBatches } from "./merged-batches.ts";
import { AnswerText, decideStatement, requestOf } from "./request.ts";
import { schemaSteps } from "./schema.ts";

/** What was taken survives: `process` the death of a process, `disk` that of the server as well. */
export type PostgresStoreDurability = "process" | "disk";

/** Where the server is, and what is said about the limits on it. */
export interface PostgresStoreOptions extends Omit<
  PostgresOptions,
  "schema" | "clock" | "transactionMaxMs" | "waitingMax" | "connectionsMax"
> {
  /** The schema of the tables, made when absent. Stores with the same one share their limits. Default "ashlar". */
  readonly schema?: string;
  /** `process` (default): of what was taken the server may lose the last moments, half a second or so, when it crashes. `disk`: it loses nothing,
   *  for a flush of its disk a batch. */
  readonly durability?: PostgresStoreDurability;
  /** Batches under way at once, each on a connection of its own, 1 to 64. What comes meanwhile goes together in the next. Default 2. */
  readonly batchesMax?: number;
  /** For tests: a time to go by in place of the server's. */
  readonly clock?: Pick<Clock, "now">;
}

/** The states of limits on a PostgreSQL server, for all processes that reach it. Closing it lets calls in hand end. */
export interface PostgresStore extends LimiterStore, AsyncDisposable {}

// What a limiter sends at most in one turn; some milliseconds of the server.
const callsMax = 500;
const waitingMax = 10_000;
// Each new attempt finds the keys that were new in the last.
const attemptsMax = 8;

/**
 * Opens connections of its own, and makes the tables when they are absent. A batch is one call of a function on the server, in one round trip, and its
 * own transaction. Throws ConfigError, UnsupportedError (no client library), PostgresError, MigrationError.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { clock, durability, batchesMax, settings, ...rest } = options;
  const level = oneOf("durability", durability ?? "process", ["process", "disk"]);
  const connectionsMax = integerIn("batchesMax", batchesMax ?? 2, { min: 1, max: 64 });
  const schema = options.schema ?? "ashlar";
  const database = await openPostgres({
    // Who waits for a limit does not wait for long.
    connectMaxMs: 1_000,
    ...rest,
    schema,
    connectionsMax,
    settings: { ...settings, ...sessionSettings(level) },
  });
  try {
    await database.migrate("ashlar-limiter", schemaSteps(schema));
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return new OnPostgres(database, { clock, batchesMax: connectionsMax });
}

/** Every statement of the function is written for an index, and planned once. */
function sessionSettings(durability: PostgresStoreDurability): Readonly<Record<string, string>> {
  return {
    synchronous_commit: durability === "process" ? "off" : "on",
    plan_cache_mode: "force_generic_plan",
    enable_seqscan: "off",
    enable_bitmapscan: "off",
    enable_hashjoin: "off",
    enable_mergejoin: "off",
    jit: "off",
  };
}

class OnPostgres implements PostgresStore {
  readonly name = "postgres";
  readonly #database: PostgresDatabase;
  readonly #clock: Pick<Clock, "now"> | undefined;
  readonly #decide: Statement;
  readonly #places = new RulePlaces();
  readonly #batches: MergedBatches;

  constructor(
    database: PostgresDatabase,
    { clock, batchesMax }: { readonly clock: Pick<Clock, "now"> | undefined; readonly batchesMax: number },
  ) {
    this.#database = database;
    this.#clock = clock;
    this.#decide = decideStatement(database.schema);
    this.#batches = new MergedBatches((calls) => this.#sendAgain(calls), { callsMax, batchesMax, waitingMax });
  }

  async decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    if (calls.length <= callsMax) return calls.length === 0 ? [] : this.#batches.decide(calls);
    const verdicts: Verdict[] = [];
    for (let from = 0; from < calls.length; from += callsMax)
      verdicts.push(...(await this.#batches.decide(calls.slice(from, from + callsMax))));
    return verdicts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  /** A batch that was undone goes again. */
  async #sendAgain(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(calls);
      } catch (error) {
        if (attempt === attemptsMax || !wasUndone(error)) throw error;
      }
    }
  }

  async #send(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    const timeUs = this.#clock === undefined ? undefined : Math.round(this.#clock.now() * 1_000);
    const { batch, call } = requestOf(calls, this.#places, { decide: this.#decide, timeUs });
    const [answered] = await this.#database.run([call]);
    const text = answered?.rows[0]?.[0];
    if (typeof text !== "string") throw new TypeError("the function of the limiter answers with an array");
    return replay(calls, { places: this.#places, batch, answer: new AnswerText(text) });
  }
}

/** A key was new to two batches at once, or the connection's statement was of an older schema. */
function wasUndone(error: unknown): boolean {
  return error instanceof PostgresError && (error.reason === "conflict" || error.reason === "outdated");
}
