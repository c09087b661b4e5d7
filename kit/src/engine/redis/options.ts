import { type Clock, systemClock } from "../../clock/mod.ts";
import type { RedisOptions } from "../../drivers/redis/mod.ts";
import { ConfigError, integerIn, oneOf } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";
import { changesDefault, payloadBytesDefault, waitingDefault } from "../limits.ts";
import { ServerClock } from "../server-clock.ts";

/** What acknowledged work survives on a server, as its own settings have it. */
export type RedisEngineDurability = "memory" | "process" | "disk";

/** Where the server is, what is asked of it, and the bounds of everything that grows or waits. */
export interface RedisEngineOptions extends Pick<RedisOptions, "url" | "password" | "tls" | "application"> {
  /** How the names of all keys begin: letters, digits and `-_.:`, up to 64. Default "ashlar". Different prefixes are different engines. */
  readonly prefix?: string;
  /** The least that the server must keep; less is refused at opening with DurabilityError. `disk`: acknowledged work survives power loss (append-only
   *  file, `appendfsync always`). `process`: a crash of the server may cost the last second (`everysec`). `memory` (default): whatever it keeps; `can.durability` says it. */
  readonly durability?: RedisEngineDurability;
  /** Judges leases and due times. Default the server's, so that no machine's own time matters. */
  readonly clock?: Clock;
  /** Chooses pauses and names. Default the system's. */
  readonly random?: Random;
  /** Largest body or cell value in bytes. 1 to 2^25, default 1 MiB. */
  readonly payloadBytesMax?: number;
  /** Most changes in one commit. 1 to 20,000, default 10,000: nobody else is served while one is carried out, about 80 ms. */
  readonly changesMax?: number;
  /** Calls that may wait for their turn; beyond it they are refused with StorageError `busy`. Default 100,000. */
  readonly waitingMax?: number;
  /** How soon after a commit expired cells, dedup keys and inbox entries are deleted. Default 10 s. */
  readonly maintenanceMs?: number;
  /** Longest wait for a server that is away or does not answer; then StorageError `busy`, or OutcomeUnknownError. Default 10 s. */
  readonly busyMaxMs?: number;
}

/** Options with their defaults, in range. */
export interface ResolvedOptions {
  readonly database: RedisOptions;
  /** How all keys begin: one hash tag, so that they lie together wherever keys are spread. */
  readonly keys: string;
  readonly durability: RedisEngineDurability;
  readonly clock: Clock;
  readonly serverClock: ServerClock | undefined;
  readonly random: Random;
  readonly payloadBytesMax: number;
  readonly changesMax: number;
  readonly waitingMax: number;
  readonly maintenanceMs: number;
  readonly busyMaxMs: number;
}

const tenMinutes = 600_000;

/** Throws ConfigError that names the option. */
export function resolveOptions(options: RedisEngineOptions): ResolvedOptions {
  const { url, password, tls, application, random = systemRandom, payloadBytesMax = payloadBytesDefault } = options;
  const serverClock = options.clock === undefined ? new ServerClock() : undefined;
  const busyMaxMs = integerIn("busyMaxMs", options.busyMaxMs ?? 10_000, { min: 1, max: tenMinutes });
  return {
    keys: `{${prefixOf(options.prefix ?? "ashlar")}}:`,
    durability: oneOf("durability", options.durability ?? "memory", ["memory", "process", "disk"]),
    clock: options.clock ?? serverClock ?? systemClock,
    serverClock,
    random,
    busyMaxMs,
    payloadBytesMax: integerIn("payloadBytesMax", payloadBytesMax, { min: 1, max: 2 ** 25 }),
    changesMax: integerIn("changesMax", options.changesMax ?? changesDefault, { min: 1, max: 20_000 }),
    waitingMax: integerIn("waitingMax", options.waitingMax ?? waitingDefault, { min: 1, max: 10_000_000 }),
    maintenanceMs: integerIn("maintenanceMs", options.maintenanceMs ?? 10_000, { min: 1, max: 144 * tenMinutes }),
    database: {
      url,
      random,
      connectMaxMs: busyMaxMs,
      answerMaxMs: busyMaxMs,
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls }),
      ...(application === undefined ? {} : { application }),
    },
  };
}

function prefixOf(prefix: unknown): string {
  if (typeof prefix === "string" && /^[\w.:-]{1,64}$/.test(prefix)) return prefix;
  throw new ConfigError("prefix", prefix, "1 to 64 letters, digits and -_.:");
}
