import { type Clock, systemClock } from "../../clock/mod.ts";
import { type Addresses, addressesOf } from "./addresses.ts";
import { ConfigError, integerIn, textOf } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";

/** How the server proves who it is. `off`: no encryption. `require`: encrypted, whoever answers. `verify`: its certificate must fit its name
 *  and be signed by `ca` or an authority of the system. An object goes on to Node's `tls.connect`. */
export type PostgresTls = "off" | "require" | "verify" | { readonly [option: string]: unknown };

/** Where the server is, who asks, and how long anybody waits. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`; several parameters of libpq are understood. Of several servers
   *  (`host1:5432,host2:5432`) the first that takes writes is used, at every connection anew: after a fail-over it is another one.
   *  `target_session_attrs=standby` wants one that does not, for reading; `any` takes either. */
  readonly url: string;
  /** Instead of the one in the URL; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** Instead of `sslmode` in the URL. */
  readonly tls?: PostgresTls;
  /** Seen in `pg_stat_activity`. Default "ashlar". */
  readonly application?: string;
  /** Settings of every session, such as `search_path`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Connections of the pool. 1 to 1,000, default 8. */
  readonly connectionsMax?: number;
  /** Callers that may wait for one; beyond it they are refused with PostgresError `busy`. Default 10,000. */
  readonly waitingMax?: number;
  /** Longest wait for a connection, and for the server to come back. 1 ms to 10 min, default 10 s. */
  readonly connectMaxMs?: number;
  /** Longest wait for an answer; then the connection counts as lost. Default 60 s. */
  readonly answerMaxMs?: number;
  /** Longest `transaction`; then TimeoutError and roll-back. Default 30 s. */
  readonly transactionMaxMs?: number;
  /** Schema of the driver's own tables (migrations, markers). Default "public". */
  readonly schema?: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults, in range. */
export interface ResolvedPostgres extends Required<Omit<PostgresOptions, "password" | "tls">> {
  readonly password: PostgresOptions["password"];
  readonly tls: PostgresTls | undefined;
  readonly addresses: Addresses;
}

const tenMinutes = 600_000;

/** Throws ConfigError that names the option. */
export function resolvePostgres(options: PostgresOptions): ResolvedPostgres {
  const { clock = systemClock, random = systemRandom, settings = {}, password, tls } = options;
  return {
    url: options.url,
    addresses: addressesOf(textOf("url", options.url, { lengthMax: 4096 })),
    password,
    tls,
    application: textOf("application", options.application ?? "ashlar", { lengthMax: 63 }),
    settings,
    connectionsMax: integerIn("connectionsMax", options.connectionsMax ?? 8, { min: 1, max: 1_000 }),
    waitingMax: integerIn("waitingMax", options.waitingMax ?? 10_000, { min: 0, max: 1_000_000 }),
    connectMaxMs: integerIn("connectMaxMs", options.connectMaxMs ?? 10_000, { min: 1, max: tenMinutes }),
    answerMaxMs: integerIn("answerMaxMs", options.answerMaxMs ?? 60_000, { min: 1, max: 24 * 6 * tenMinutes }),
    transactionMaxMs: integerIn("transactionMaxMs", options.transactionMaxMs ?? 30_000, { min: 1, max: tenMinutes }),
    schema: schemaName(options.schema ?? "public"),
    clock,
    random,
  };
}

/** A schema's name stands in statements, so it is a plain lower-case word. Throws ConfigError. */
export function schemaName(name: unknown): string {
  if (typeof name === "string" && /^[a-z_][a-z0-9_]{0,62}$/.test(name)) return name;
  throw new ConfigError("schema", name, "a name of 1 to 63 lower-case letters, digits and underscores");
}
