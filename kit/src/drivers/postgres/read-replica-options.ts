import { ConfigError, integerIn } from "../../errors/mod.ts";
import type { PostgresDatabase } from "./open.ts";
import { resolvePostgres, type PostgresOptions, type ResolvedPostgres } from "./options.ts";

/** A replica to read from, and what is demanded of it. */
export interface ReadReplicaOptions {
  /** Where reads go that the replica cannot serve. It is not closed along. */
  readonly primary: PostgresDatabase;
  /** One server, or an address that stands for several of the same primary; `connectMaxMs` is 1 s here by default, also the longest wait for the replica to say
   *  how far it is. `target_session_attrs` means nothing here. */
  readonly replica: PostgresOptions;
  /** How old the answer of a read without `after` may be. 100 ms to 1 day, default 5 s. `unbounded`: a replica that is cut off is good enough, and
   *  the primary is not asked. */
  readonly staleMaxMs?: number | "unbounded";
  /** How long a read waits for the replica to replay what it has to see; then it goes to the primary. 0 to 1 min, default 100 ms. */
  readonly waitMaxMs?: number;
  /** Reads that may wait so; the others go to the primary. Default 1,000. */
  readonly waitersMax?: number;
}

/** Options with their defaults, in range. */
export interface ResolvedReadReplica extends Required<Omit<ReadReplicaOptions, "replica">> {
  readonly replica: ResolvedPostgres;
}

/** Throws ConfigError that names the option. */
export function resolveReadReplica(options: ReadReplicaOptions): ResolvedReadReplica {
  const { primary, staleMaxMs = 5_000 } = options;
  const replica = resolvePostgres({ connectMaxMs: 1_000, ...options.replica });
  const { urls } = replica.addresses;
  if (urls.length > 1)
    throw new ConfigError("replica.url", `${urls.length} servers`, "one server; make a readReplica for each");
  return {
    primary,
    // Whether it is a replica is asked at every read: it may be promoted between two of them.
    replica: { ...replica, addresses: { urls, role: "any" } },
    staleMaxMs:
      staleMaxMs === "unbounded" ? staleMaxMs : integerIn("staleMaxMs", staleMaxMs, { min: 100, max: 86_400_000 }),
    waitMaxMs: integerIn("waitMaxMs", options.waitMaxMs ?? 100, { min: 0, max: 60_000 }),
    waitersMax: integerIn("waitersMax", options.waitersMax ?? 1_000, { min: 0, max: 1_000_000 }),
  };
}
