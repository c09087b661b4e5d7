export type { CommitFate, CommitMarker, Mark } from "./commit-marker.ts";
export { bigints, booleans, doubles, integers, texts } from "./encode.ts";
export type { Heard, Listener } from "./listener.ts";
export { MigrationError, type MigrationStep } from "./migrate.ts";
export { openPostgres, type OwnConnection, type PostgresDatabase, type PostgresHealth } from "./open.ts";
export { type PostgresOptions, type PostgresTls, schemaName } from "./options.ts";
export type { PoolStatus } from "./pool.ts";
export { isLost, OutcomeUnknownError, PostgresError, type PostgresFault } from "./postgres-error.ts";
export {
  type PrimaryReason,
  type ReadAnswer,
  type ReadOptions,
  readReplica,
  type ReadReplica,
  type ReadReplicaStatus,
} from "./read-replica.ts";
export type { ReadReplicaOptions } from "./read-replica-options.ts";
export type { ServerFacts } from "./server-facts.ts";
export type { PostgresSession, QueryResult } from "./session.ts";
export {
  begin,
  bound,
  commit,
  rollback,
  statement,
  type Bound,
  type Statement,
  type WireRow,
  type WireRows,
  type WireValue,
} from "./statement.ts";
export type { SteadySession } from "./steady-session.ts";
export type { PostgresTransaction } from "./transaction.ts";
export type { WalPosition } from "./wal-position.ts";
