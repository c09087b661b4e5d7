import { type Clock, systemClock } from "../../clock/mod.ts";
import type { NatsOptions } from "../../drivers/nats/mod.ts";
import { ConfigError, integerIn, oneOf } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";
import { changesDefault, waitingDefault } from "../limits.ts";
import { ServerClock } from "../server-clock.ts";

/** What acknowledged work survives. */
export type JetStreamDurability = "process" | "disk" | "replicated";

/** Where the servers are, what they keep, and the bounds of everything that grows or waits. */
export interface JetStreamEngineOptions extends Pick<
  NatsOptions,
  "url" | "user" | "password" | "token" | "credentials" | "tls" | "application" | "domain"
> {
  /** Name of the stream: letters, digits and `-_`, up to 64. Default "ashlar". Different streams are different engines; `NAME-snapshots` is taken too. */
  readonly stream?: string;
  /** `process` (default): acknowledged work survives `kill -9` of processes and of the server; power loss of it may cost the last two minutes.
   *  `disk`: the operator states that the servers run with `sync_interval: always`, which they do not tell. `replicated`: refused at opening with
   *  DurabilityError unless the stream has three replicas. */
  readonly durability?: JetStreamDurability;
  /** Copies of the stream where this process makes it, 1 to 5. Default 1, with `replicated` 3. */
  readonly replicas?: number;
  /** Judges leases and due times. Default the server's, so that no machine's own time matters. */
  readonly clock?: Clock;
  /** Chooses pauses and names. Default the system's. */
  readonly random?: Random;
  /** Largest body or cell value in bytes. Default 1 MiB, or a quarter of the largest message of the server where that is less. */
  readonly payloadBytesMax?: number;
  /** Most changes in one commit. Default 10,000. */
  readonly changesMax?: number;
  /** About how much all messages, cells and remembered ids together may hold, since every process has all of it in memory; beyond it what adds is refused
   *  with StorageError `full`. 64 KiB to 4 GiB, default 64 MiB; a function is asked at every command. */
  readonly stateBytesMax?: number | (() => number);
  /** Largest size of the stream of commands, where this process makes it. 1 MiB or more, default 256 MiB. */
  readonly streamBytesMax?: number;
  /** A snapshot is due after so many commands. 16 to 1,000,000, default 10,000. */
  readonly snapshotCommands?: number;
  /** A snapshot is due after so many bytes of commands. 64 KiB or more, default 16 MiB. */
  readonly snapshotBytes?: number;
  /** Calls that may wait for their turn; beyond it they are refused with StorageError `busy`. Default 100,000. */
  readonly waitingMax?: number;
  /** How soon after a commit expired cells, dedup keys and inbox entries are freed. Default 10 s. */
  readonly maintenanceMs?: number;
  /** Longest wait for a server that is away or does not answer; then StorageError `busy`, or OutcomeUnknownError. 100 ms to 1 min, default 10 s. */
  readonly busyMaxMs?: number;
}

/** Options with their defaults, in range. */
export interface ResolvedOptions {
  readonly connection: NatsOptions;
  readonly stream: string;
  readonly durability: JetStreamDurability;
  readonly replicas: number;
  readonly clock: Clock;
  /** Set where the engine's clock is the server's. */
  readonly serverClock: ServerClock | undefined;
  readonly random: Random;
  readonly payloadBytesMax: number | undefined;
  readonly changesMax: number;
  readonly stateBytesMax: () => number;
  readonly streamBytesMax: number;
  readonly snapshotCommands: number;
  readonly snapshotBytes: number;
  readonly waitingMax: number;
  readonly maintenanceMs: number;
  readonly busyMaxMs: number;
}

const mebibyte = 1_048_576;
const classes = ["process", "disk", "replicated"] as const;

/** Throws ConfigError that names the option. */
export function resolveOptions(options: JetStreamEngineOptions): ResolvedOptions {
  const serverClock = options.clock === undefined ? new ServerClock() : undefined;
  const durability = oneOf("durability", options.durability ?? "process", classes);
  const replicas = options.replicas ?? (durability === "replicated" ? 3 : 1);
  const payloadBytesMax = options.payloadBytesMax;
  return {
    ...limitsOf(options),
    stream: streamName(options.stream ?? "ashlar"),
    durability,
    replicas: integerIn("replicas", replicas, { min: 1, max: 5 }),
    clock: options.clock ?? serverClock ?? systemClock,
    serverClock,
    random: options.random ?? systemRandom,
    payloadBytesMax:
      payloadBytesMax === undefined ? undefined : integerIn("payloadBytesMax", payloadBytesMax, { min: 1 }),
    connection: connectionOf(options),
  };
}

function limitsOf(options: JetStreamEngineOptions) {
  const { stateBytesMax = 64 * mebibyte } = options;
  if (typeof stateBytesMax === "number") integerIn("stateBytesMax", stateBytesMax, { min: 65_536, max: 2 ** 32 });
  return {
    stateBytesMax: typeof stateBytesMax === "number" ? () => stateBytesMax : stateBytesMax,
    changesMax: integerIn("changesMax", options.changesMax ?? changesDefault, { min: 1 }),
    streamBytesMax: integerIn("streamBytesMax", options.streamBytesMax ?? 256 * mebibyte, { min: mebibyte }),
    snapshotCommands: integerIn("snapshotCommands", options.snapshotCommands ?? 10_000, { min: 16, max: 1_000_000 }),
    snapshotBytes: integerIn("snapshotBytes", options.snapshotBytes ?? 16 * mebibyte, { min: 65_536 }),
    waitingMax: integerIn("waitingMax", options.waitingMax ?? waitingDefault, { min: 1, max: 10_000_000 }),
    maintenanceMs: integerIn("maintenanceMs", options.maintenanceMs ?? 10_000, { min: 1 }),
    busyMaxMs: busyMaxOf(options),
  };
}

function busyMaxOf({ busyMaxMs }: JetStreamEngineOptions): number {
  return integerIn("busyMaxMs", busyMaxMs ?? 10_000, { min: 100, max: 60_000 });
}

function connectionOf(options: JetStreamEngineOptions): NatsOptions {
  const { url, user, password, token, credentials, tls, application, domain, random } = options;
  const busyMaxMs = busyMaxOf(options);
  const given = { user, password, token, credentials, tls, application, domain, random };
  const stated = Object.entries(given).filter(([, value]) => value !== undefined);
  // An attempt that is not answered leaves time for another one.
  return { url, connectMaxMs: busyMaxMs, answerMaxMs: Math.ceil(busyMaxMs / 3), ...Object.fromEntries(stated) };
}

function streamName(name: unknown): string {
  if (typeof name === "string" && /^[\w-]{1,64}$/.test(name)) return name;
  throw new ConfigError("stream", name, "1 to 64 letters, digits and -_");
}
