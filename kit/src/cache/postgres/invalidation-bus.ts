import { type Clock, systemClock } from "../../clock/mod.ts";
import { bound, type PostgresDatabase, PostgresError } from "../../drivers/postgres/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import type { BusListener, BusMessage, BusSubscription, InvalidationBus } from "../invalidation-bus.ts";
import { Listening } from "./listening.ts";
import { schemaSteps } from "./schema.ts";
import { type ChannelStatements, channelStatements } from "./statements.sql.ts";

/** Options of {@link postgresBus}. */
export interface PostgresBusOptions {
  /** The channel of NOTIFY, one for all schemas of a database: 1 to 63 lower-case letters, digits and underscores. Default "ashlar_cache". */
  readonly channel?: string;
  readonly clock?: Clock;
}

const messageBytesMax = 1_048_576;
const kept = { messagesMax: 1_000, bytesMax: 4_194_304 };

/**
 * A channel on a PostgreSQL server, over tables in the schema of the database, which are made when absent; the database stays the caller's to close.
 * Each subscription has a connection of its own. The last messages are kept for an hour at most, so a listener whose connection was lost for a
 * while hears them later; who was away for longer sees a gap. Throws ConfigError.
 */
export function postgresBus(database: PostgresDatabase, options: PostgresBusOptions = {}): InvalidationBus {
  return new PostgresBus(database, channelName(options.channel ?? "ashlar_cache"), options.clock ?? systemClock);
}

class PostgresBus implements InvalidationBus {
  readonly #database: PostgresDatabase;
  readonly #channel: string;
  readonly #statements: ChannelStatements;
  readonly #clock: Clock;
  #ready: Promise<void> | undefined;

  constructor(database: PostgresDatabase, channel: string, clock: Clock) {
    this.#database = database;
    this.#channel = channel;
    this.#clock = clock;
    this.#statements = channelStatements(database.schema, kept);
  }

  async publish(message: BusMessage): Promise<number> {
    const text = JSON.stringify(message);
    const bytes = Buffer.byteLength(text);
    if (bytes > messageBytesMax)
      throw new PostgresError("other", `an invalidation of ${bytes} bytes; the channel takes ${messageBytesMax}`);
    await this.#prepare();
    const { publish, trim } = this.#statements;
    const [answered] = await this.#database.run([bound(publish, this.#channel, text), bound(trim, this.#channel)]);
    return numberIn(answered?.rows[0]);
  }

  async subscribe(listener: BusListener): Promise<BusSubscription> {
    await this.#prepare();
    const listening = new Listening(listener, {
      database: this.#database,
      channel: this.#channel,
      read: this.#statements.read,
      latest: () => this.latest(),
      clock: this.#clock,
    });
    await listening.begin();
    return listening;
  }

  async latest(): Promise<number> {
    await this.#prepare();
    const [answered] = await this.#database.run([bound(this.#statements.latest, this.#channel)]);
    return numberIn(answered?.rows[0]);
  }

  /** The tables, once a process. */
  async #prepare(): Promise<void> {
    this.#ready ??= this.#database.migrate("ashlar-cache", schemaSteps(this.#database.schema));
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }
}

function numberIn(row: readonly (string | null)[] | undefined): number {
  const number = Number(row?.[0] ?? Number.NaN);
  if (!Number.isSafeInteger(number)) throw new TypeError("a channel answers with a number");
  return number;
}

function channelName(name: unknown): string {
  if (typeof name === "string" && /^[a-z_][a-z0-9_]{0,62}$/.test(name)) return name;
  throw new ConfigError("channel", name, "a name of 1 to 63 lower-case letters, digits and underscores");
}
