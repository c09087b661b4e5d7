import { openPostgres, type PostgresDatabase } from "ashlar/drivers/postgres";
import { openPostgresEngine, type PostgresEngine } from "ashlar/engine/postgres";
import { KitError } from "ashlar/errors";
import { openOutsideInDatabase } from "../outside/mod.ts";
import { defaultNamespace, type ShopSettings } from "../settings.ts";
import type { DatabaseAddress } from "./address.ts";
import { checkReplica, openReplicaReads } from "./replica-reads.ts";
import { readsOnEngine } from "./shop-reads.ts";
import type { ShopStorage } from "./shop-storage.ts";

/** The database cannot be used; the message says which, and why, in one sentence. */
class DatabaseError extends KitError {
  readonly code = "DATABASE";
  readonly retryable = false;
}

// Ten engines may be in one process, and a server has a hundred connections by default: each engine takes two, and these beside them.
const connectionsMax = 3;
/** A server that starts along with the shop is there by then. */
const checkMaxMs = 5_000;

/** Schemas of a PostgreSQL database, one a service, that processes on many machines share. */
export function databaseStorage(
  { address, replica }: { readonly address: DatabaseAddress; readonly replica: DatabaseAddress | undefined },
  { durability, namespace = defaultNamespace }: ShopSettings,
): ShopStorage {
  const { shown, url } = address;
  const open = (connectMaxMs: number): Promise<PostgresDatabase> =>
    openPostgres({ url, schema: namespace, settings: { search_path: namespace }, connectionsMax: 1, connectMaxMs });
  return {
    where: `${shown}, schemas ${namespace}_…`,
    async check() {
      try {
        await using database = await open(checkMaxMs);
        await database.migrate("shop", runs);
      } catch (error) {
        throw new DatabaseError(`no data can be kept at ${shown}: ${messageOf(error)}`, { cause: error });
      }
      if (replica === undefined) return;
      await checkReplica(replica).catch((error: unknown) => {
        throw new DatabaseError(`nothing can be read at ${replica.shown} (--reads): ${messageOf(error)}`, {
          cause: error,
        });
      });
    },
    openEngine: (name): Promise<PostgresEngine> => {
      const schema = `${namespace}_${name}`;
      // Services' own tables stand beside those of their engine.
      const settings = { search_path: schema };
      return openPostgresEngine({ url, schema, durability, connectionsMax, settings, application: `shop ${name}` });
    },
    openReads: (engine, place) =>
      replica === undefined
        ? readsOnEngine(engine)
        : openReplicaReads({ primary: url, replica, schema: `${namespace}_${place.name}` }, place),
    openOutside: (options) => openOutsideInDatabase(options, { url, namespace, durability }),
    async nextRun() {
      await using database = await open(checkMaxMs);
      await database.migrate("shop", runs);
      const { rows } = await database.query<{ run: string }>("select nextval('run') as run");
      return Number(rows[0]?.run);
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const runs = [{ name: "numbers of runs", sql: "create sequence run", older: "run" }] as const;
