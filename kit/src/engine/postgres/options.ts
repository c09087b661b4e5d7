import { everyPart } from "../parts.ts";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { schemaName, type PostgresOptions } from "../../drivers/postgres/mod.ts";
import { integerIn, oneOf } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";
import type { Capabilities } from "../engine.ts";
import { changesDefault, payloadBytesDefault, waitingDefault } from "../limits.ts";
import { ServerClock } from "../server-clock.ts";

/** What acknowledged work survives on a server: the engine refuses to open where the server cannot give it. */
export type PostgresDurability = "process" | "disk" | "replicated";

/** Where the server is, what its commits survive, and the bounds of everything that grows or waits. */
export interface PostgresEngineOptions extends Pick<
  PostgresOptions,
  "url" | "password" | "tls" | "application" | "settings"
> {
  /** The schema of the engine's tables, made when absent. Default "ashlar". Different schemas are different engines. */
  readonly schema?: string;
  /** `disk` (default): acknowledged work survives power loss of the server. `process`: it survives `kill -9` of the process, and the server may lose the
   *  last half second when it crashes. `replicated`: it survives the loss of the server, because a standby has it. */
  readonly durability?: PostgresDurability;
  /** Judges leases and due times. Default the server's, so that no machine's own time matters. */
  readonly clock?: Clock;
  /** Chooses pauses. Default the system's. */
  readonly random?: Random;
  /** Connections beside the one that writes and the one that listens: for reads, and for one open `transaction` each. Default 8. */
  readonly connectionsMax?: number;
  /** Largest body, event or cell value in bytes. 1 to 2^26, default 1 MiB. */
  readonly payloadBytesMax?: number;
  /** Most changes in one commit. Default 10,000. */
  readonly changesMax?: number;
  /** Calls that may wait for their turn; beyond it they are refused with StorageError `busy`. Default 100,000. */
  readonly waitingMax?: number;
  /** How soon after a commit expired cells, dedup keys and inbox entries are deleted. Default 10 s. */
  readonly maintenanceMs?: number;
  /** Longest `transaction`; then TimeoutError and roll-back. Default 30 s. */
  readonly transactionMaxMs?: number;
  /** Longest wait for a server that is away, and for locks of others; then StorageError `busy`. Default 10 s. */
  readonly busyMaxMs?: number;
}

/** Options with their defaults, in range. */
export interface ResolvedOptions {
  readonly database: PostgresOptions;
  readonly schema: string;
  readonly durability: PostgresDurability;
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly serverClock: ServerClock | undefined;
  readonly random: Random;
  readonly waitingMax: number;
  readonly maintenanceMs: number;
  readonly busyMaxMs: number;
}

const tenMinutes = 600_000;

/** Throws ConfigError that names the option. */
export function resolveOptions(options: PostgresEngineOptions): ResolvedOptions {
  const { url, password, tls, application, random = systemRandom, payloadBytesMax = payloadBytesDefault } = options;
  const durability = oneOf("durability", options.durability ?? "disk", ["process", "disk", "replicated"]);
  const schema = schemaName(options.schema ?? "ashlar");
  const serverClock = options.clock === undefined ? new ServerClock() : undefined;
  const busyMaxMs = integerIn("busyMaxMs", options.busyMaxMs ?? 10_000, { min: 1, max: tenMinutes });
  return {
    schema,
    durability,
    clock: options.clock ?? serverClock ?? systemClock,
    serverClock,
    random,
    busyMaxMs,
    waitingMax: integerIn("waitingMax", options.waitingMax ?? waitingDefault, { min: 1, max: 10_000_000 }),
    maintenanceMs: integerIn("maintenanceMs", options.maintenanceMs ?? 10_000, { min: 1, max: 144 * tenMinutes }),
    can: {
      engine: "postgres",
      durability,
      sharing: "many machines",
      parts: everyPart,
      transactions: "sql",
      payloadBytesMax: integerIn("payloadBytesMax", payloadBytesMax, { min: 1, max: 2 ** 26 }),
      changesMax: integerIn("changesMax", options.changesMax ?? changesDefault, { min: 1, max: 100_000 }),
    },
    database: {
      url,
      schema,
      random,
      connectMaxMs: busyMaxMs,
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls }),
      ...(application === undefined ? {} : { application }),
      connectionsMax: options.connectionsMax ?? 8,
      transactionMaxMs: options.transactionMaxMs ?? 30_000,
      settings: {
        ...options.settings,
        ...sessionSettings(durability, { busyMaxMs, transactionMaxMs: options.transactionMaxMs ?? 30_000 }),
      },
    },
  };
}

/** Settings of every session. A peer that is gone must not keep its locks for longer than a transaction may take. */
function sessionSettings(
  durability: PostgresDurability,
  { busyMaxMs, transactionMaxMs }: { readonly busyMaxMs: number; readonly transactionMaxMs: number },
): Readonly<Record<string, string>> {
  return {
    synchronous_commit: durability === "process" ? "off" : "on",
    lock_timeout: String(busyMaxMs),
    idle_in_transaction_session_timeout: String(transactionMaxMs + 5_000),
    tcp_user_timeout: "20000",
    jit: "off",
  };
}

/** Settings of the session that writes: every one of its statements is written for an index and planned once. */
export const writerSettings: Readonly<Record<string, string>> = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
};
