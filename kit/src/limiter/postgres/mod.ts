export {
  openPostgresStore,
  type PostgresStore,
  type PostgresStoreDurability,
  type PostgresStoreOptions,
} from "./postgres-store.ts";
