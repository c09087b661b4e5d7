import { integerIn, textOf } from "../errors/mod.ts";

/** Bounds of a server. */
export interface HttpLimits {
  /** Longest body, 0 to 1 Gi bytes. Default 1 MiB. */
  readonly bodyBytesMax?: number | undefined;
  /** Longest head of a request, 1 to 256 KiB. Default 16 KiB. */
  readonly headBytesMax?: number | undefined;
  /** Time for head and body, 10 ms to 10 min. Default 10 s. */
  readonly requestMs?: number | undefined;
  /** Idle time after which a connection is closed, 0 to 10 min. Default 5 s. */
  readonly keepAliveMs?: number | undefined;
  /** Connections at once, 1 to 100,000; a further one is closed. Default 10,000. */
  readonly connectionsMax?: number | undefined;
  /** Requests on one connection, 0 for any number. Default 0. */
  readonly requestsPerConnectionMax?: number | undefined;
  /** Bytes of a stream that may wait for a slow client before it is cut off, 1 KiB to 1 GiB. Default 1 MiB. */
  readonly streamBytesMax?: number | undefined;
  /** Pause after which a stream without items says that it is alive, 10 ms to 10 min. Default 15 s. */
  readonly aliveMs?: number | undefined;
}

/** Where a server listens, and how it closes. */
export interface HttpPlace {
  /** Default "127.0.0.1". */
  readonly host?: string | undefined;
  /** 0 for any. Default 0. */
  readonly port?: number | undefined;
  /** How long closing waits for answers in hand, 0 to 1 h. Default 10 s. */
  readonly graceMs?: number | undefined;
}

/** All of it, in range. */
export type HttpRules = { readonly [K in keyof HttpLimits]-?: number } & {
  readonly [K in keyof HttpPlace]-?: NonNullable<HttpPlace[K]>;
};

const minutes = 600_000;

/** Throws ConfigError. */
export function httpRules(limits: HttpLimits, place: HttpPlace): HttpRules {
  const bytes = 1_073_741_824;
  return {
    host: textOf("host", place.host ?? "127.0.0.1"),
    port: integerIn("port", place.port ?? 0, { min: 0, max: 65_535 }),
    graceMs: integerIn("graceMs", place.graceMs ?? 10_000, { min: 0, max: 3_600_000 }),
    bodyBytesMax: integerIn("bodyBytesMax", limits.bodyBytesMax ?? 1_048_576, { min: 0, max: bytes }),
    headBytesMax: integerIn("headBytesMax", limits.headBytesMax ?? 16_384, { min: 1_024, max: 262_144 }),
    requestMs: integerIn("requestMs", limits.requestMs ?? 10_000, { min: 10, max: minutes }),
    keepAliveMs: integerIn("keepAliveMs", limits.keepAliveMs ?? 5_000, { min: 0, max: minutes }),
    connectionsMax: integerIn("connectionsMax", limits.connectionsMax ?? 10_000, { min: 1, max: 100_000 }),
    requestsPerConnectionMax: integerIn("requestsPerConnectionMax", limits.requestsPerConnectionMax ?? 0, { min: 0 }),
    streamBytesMax: integerIn("streamBytesMax", limits.streamBytesMax ?? 1_048_576, { min: 1_024, max: bytes }),
    aliveMs: integerIn("aliveMs", limits.aliveMs ?? 15_000, { min: 10, max: minutes }),
  };
}
