import { everyPart } from "../parts.ts";
import { systemClock, type Clock } from "../../clock/mod.ts";
import type { SqliteDurability, SqliteOptions } from "../../drivers/sqlite/mod.ts";
import { integerIn, oneOf, textOf } from "../../errors/mod.ts";
import { systemRandom, type Random } from "../../random/mod.ts";
import type { Capabilities } from "../engine.ts";
import type { Machine } from "./machine.ts";
import { systemMachine } from "./machine-system.ts";
import { changesDefault, groupMax, groupMs, payloadBytesDefault, waitingDefault } from "../limits.ts";

/** Where the file lies, what its commits survive, and the bounds of everything that grows or waits. */
export interface SqliteEngineOptions {
  /** A file on a local disk, made when absent; the caller's own tables may live in it. Its folder must exist. */
  readonly path: string;
  /** `disk` (default): acknowledged work survives power loss. `process`: it survives `kill -9`, at a sixth of the cost of a lone commit. */
  readonly durability?: SqliteDurability;
  /** Judges leases and due times. Default the system's. */
  readonly clock?: Clock;
  /** Chooses the pauses while another process writes. Default the system's. */
  readonly random?: Random;
  /** Largest body, event or cell value in bytes. 1 to 2^28, default 1 MiB. */
  readonly payloadBytesMax?: number;
  /** Most changes in one commit. Default 10,000. */
  readonly changesMax?: number;
  /** Calls that may wait for their turn; beyond it they are refused with StorageError `busy`. Default 100,000. */
  readonly waitingMax?: number;
  /** How soon after a commit expired cells, dedup keys and inbox entries are deleted, and the log is copied. Default 10 s. */
  readonly maintenanceMs?: number;
  /** Longest `transaction`; then TimeoutError and roll-back. Default 5 s. */
  readonly transactionMaxMs?: number;
  /** Longest wait for another process that writes; then StorageError `busy`. Default 10 s. */
  readonly busyMaxMs?: number;
  /** The machine that the file lies on. Default the real one; a simulation gives its own. */
  readonly machine?: Machine;
}

/** Options with their defaults, in range. */
export interface ResolvedOptions {
  readonly database: SqliteOptions;
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly maintenanceMs: number;
}

const hourMs = 3_600_000;

/** Throws ConfigError that names the option. */
export function resolveOptions(options: SqliteEngineOptions): ResolvedOptions {
  const { clock = systemClock, random = systemRandom, machine = systemMachine() } = options;
  const durability = oneOf("durability", options.durability ?? "disk", ["process", "disk"]);
  const payloadBytesMax = options.payloadBytesMax ?? payloadBytesDefault;
  return {
    clock,
    machine,
    maintenanceMs: integerIn("maintenanceMs", options.maintenanceMs ?? 10_000, { min: 1, max: 24 * hourMs }),
    can: {
      engine: "sqlite",
      durability,
      sharing: "one machine",
      parts: everyPart,
      transactions: "sql",
      payloadBytesMax: integerIn("payloadBytesMax", payloadBytesMax, { min: 1, max: 2 ** 28 }),
      changesMax: integerIn("changesMax", options.changesMax ?? changesDefault, { min: 1, max: 1_000_000 }),
    },
    database: {
      path: textOf("path", options.path, { lengthMax: 4096 }),
      durability,
      clock,
      random,
      connect: machine.connect,
      groupMax,
      groupMs,
      waitingMax: integerIn("waitingMax", options.waitingMax ?? waitingDefault, { min: 1, max: 10_000_000 }),
      transactionMaxMs: integerIn("transactionMaxMs", options.transactionMaxMs ?? 5_000, { min: 1, max: hourMs / 6 }),
      busyMaxMs: integerIn("busyMaxMs", options.busyMaxMs ?? 10_000, { min: 1, max: hourMs / 6 }),
    },
  };
}
