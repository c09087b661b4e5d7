import type { ServerRole } from "./addresses.ts";
import { PostgresError } from "./postgres-error.ts";
import { bound, statement, type Bound, type WireRow } from "./statement.ts";

/** What a server said of itself when the connection was made. */
export interface ServerFacts {
  readonly pid: number;
  /** 150008 is 15.8. */
  readonly version: number;
  readonly role: "primary" | "replica";
  /** Whether a commit that was acknowledged is on disk (`fsync` on). */
  readonly flushes: boolean;
  /** Whether a commit waits for a standby: `synchronous_standby_names` is set and the session asks for it. */
  readonly replicates: boolean;
}

/** Asks for {@link ServerFacts}. */
export const askFacts: Bound = bound(
  statement(`select pg_backend_pid(), current_setting('server_version_num'), pg_is_in_recovery() or
    current_setting('default_transaction_read_only') = 'on', current_setting('fsync') = 'on',
    current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') in ('on', 'remote_apply', 'remote_write')`),
);

/** The oldest release that the statements are written for and tested with the syntax of. */
const versionMin = 130_000;

/** Reads the answer. Throws PostgresError when the server is too old. */
export function serverFacts([pid, version, isReadonly, flushes, replicates]: WireRow): ServerFacts {
  const facts: ServerFacts = {
    pid: Number(pid),
    version: Number(version),
    role: isReadonly === "t" ? "replica" : "primary",
    flushes: flushes === "t",
    replicates: replicates === "t",
  };
  if (facts.version < versionMin)
    throw new PostgresError(
      "other",
      `the server is PostgreSQL ${Math.floor(facts.version / 10_000)}; 13 is the oldest that fits`,
    );
  return facts;
}

/** Throws PostgresError `readonly` for a replica where a primary is wanted, and `unavailable` the other way round. */
export function refuseOthers({ role }: ServerFacts, wanted: ServerRole): void {
  if (role === "replica" && wanted === "primary")
    throw new PostgresError("readonly", "the server is a read-only replica; give the address of the primary");
  if (role === "primary" && wanted === "replica")
    throw new PostgresError("unavailable", "the server is a primary; give the address of a replica");
}
