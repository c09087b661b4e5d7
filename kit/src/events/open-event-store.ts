import { type Durability, DurabilityError, type Engine, survives, type TransactionalEngine } from "../engine/mod.ts";
import { integerIn, textOf, UnsupportedError } from "../errors/mod.ts";
import type { EventStore } from "./event-store.ts";
import { LogStore } from "./log-store.ts";
import { StateCache } from "./state-cache.ts";
import type { InlineProjection, InlineSqlProjection, SqlInline } from "./store-context.ts";
import type { SubjectKeys } from "./subject-keys.ts";

/** Which log to open, and its bounds. */
export interface EventStoreOptions {
  readonly engine: Engine;
  /** Name of the log. Each has its own order. Default "main". */
  readonly log?: string | undefined;
  /** Most streams whose state is kept in memory, 0 to 10 million; below 2 none is. Default 10,000. */
  readonly cacheStreams?: number | undefined;
  /** Needed for events with personal fields. */
  readonly keys?: SubjectKeys | undefined;
  /** Projections in the commit of every append that goes through this store. */
  readonly inline?: readonly InlineProjection[] | undefined;
  /** How often a command is decided before `ConflictError`, 1 or more. Default 100. */
  readonly conflictsMax?: number | undefined;
  /** How long command ids are remembered, in milliseconds. Default 7 days. */
  readonly commandsKeptMs?: number | undefined;
  /** Least durability of the engine. Default "memory": any. */
  readonly requires?: Durability | undefined;
}

/** A store whose appends carry statements of the caller. */
export interface SqlEventStoreOptions<Sql> extends EventStoreOptions {
  readonly engine: TransactionalEngine<Sql>;
  /** Projections by statements in the transaction of every append. With them, `plan` and `change` are refused. */
  readonly inlineSql: readonly InlineSqlProjection<Sql>[];
}

const weekMs = 7 * 24 * 3_600_000;

/** Opens the log. Holds nothing that needs closing. Throws `ConfigError`, and `DurabilityError` when the engine keeps less than required. */
export async function openEventStore<Sql>(options: EventStoreOptions | SqlEventStoreOptions<Sql>): Promise<EventStore> {
  const { engine, requires = "memory" } = options;
  const log = textOf("log", options.log ?? "main", { lengthMax: 100 });
  if (!survives(engine.can.durability, requires))
    throw new DurabilityError(`event store "${log}"`, requires, engine.can.durability);
  return new LogStore({
    engine,
    log,
    cache: new StateCache(integerIn("cacheStreams", options.cacheStreams ?? 10_000, { min: 0, max: 10_000_000 })),
    keys: options.keys,
    inline: options.inline ?? [],
    sqlInline: "inlineSql" in options ? sqlInlineOf(options) : undefined,
    conflictsMax: integerIn("conflictsMax", options.conflictsMax ?? 100, { min: 1 }),
    commandsKeptMs: integerIn("commandsKeptMs", options.commandsKeptMs ?? weekMs, { min: 1 }),
  });
}

function sqlInlineOf<Sql>({ engine, inlineSql }: SqlEventStoreOptions<Sql>): SqlInline {
  if (engine.can.transactions !== "sql")
    throw new UnsupportedError(
      "inlineSql",
      engine.can.engine,
      "use an engine with transactions, or inline projections into cells",
    );
  // The engine that hands out the `Sql` is the one the projections were written for: both come from the same options.
  return { engine, apply: inlineSql as readonly InlineSqlProjection<unknown>[] };
}
