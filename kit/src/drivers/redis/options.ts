import { type Clock, systemClock } from "../../clock/mod.ts";
import { ConfigError, integerIn } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";

/** How the server proves who it is. `require`: encrypted, whoever answers. `verify`: its certificate must fit its name and be signed by an
 *  authority of the system. An object goes on to Node's `tls.connect`, for one of your own (`ca`), or a certificate of the client's. */
export type RedisTls = "require" | "verify" | { readonly [option: string]: unknown };

/** Where the server is, who asks, and how long anybody waits. */
export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS, which verifies the server unless `tls` says otherwise. */
  readonly url: string;
  /** Instead of the one in the URL; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** How to verify a server behind `rediss://`. Default "verify". */
  readonly tls?: RedisTls;
  /** Seen in `CLIENT LIST`: letters, digits and `-_.:`. Default "ashlar". */
  readonly application?: string;
  /** Commands in hand, waiting for a connection or an answer; beyond it they are refused with RedisError `busy`. 1 to 1,000,000, default 10,000. */
  readonly commandsMax?: number;
  /** Longest wait for a connection. 1 ms to 10 min, default 10 s. */
  readonly connectMaxMs?: number;
  /** Longest wait for an answer; then the connection counts as lost. It is noticed at most half as late again. 1 ms to 1 h, default 10 s. */
  readonly answerMaxMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults, in range. */
export interface ResolvedRedis extends Required<Omit<RedisOptions, "url" | "password" | "tls">> {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: RedisOptions["password"];
  readonly tls: RedisTls | undefined;
}

const minuteMs = 60_000;

/** Throws ConfigError that names the option. */
export function resolveRedis(options: RedisOptions): ResolvedRedis {
  const { clock = systemClock, random = systemRandom } = options;
  const url = urlOf(options.url);
  const password = options.password ?? (url.password === "" ? undefined : decodeURIComponent(url.password));
  if (url.protocol === "redis:" && options.tls !== undefined)
    throw new ConfigError("tls", options.tls, "an address that begins with rediss:// beside it");
  return {
    // An address of version 6 stands in brackets in a URL only.
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: Number(url.port || 6379),
    database: databaseOf(url),
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    password,
    tls: url.protocol === "rediss:" ? (options.tls ?? "verify") : undefined,
    application: nameOf(options.application ?? "ashlar"),
    commandsMax: integerIn("commandsMax", options.commandsMax ?? 10_000, { min: 1, max: 1_000_000 }),
    connectMaxMs: integerIn("connectMaxMs", options.connectMaxMs ?? 10_000, { min: 1, max: 10 * minuteMs }),
    answerMaxMs: integerIn("answerMaxMs", options.answerMaxMs ?? 10_000, { min: 1, max: 60 * minuteMs }),
    clock,
    random,
  };
}

function urlOf(text: unknown): URL {
  const fits = typeof text === "string" && /^rediss?:\/\/[^/]/.test(text) && URL.canParse(text);
  // The value is not shown: it may hold a password.
  if (!fits) throw new ConfigError("url", "(not shown)", "an address such as redis://user@host:6379/0");
  return new URL(text);
}

function databaseOf({ pathname }: URL): number {
  const path = pathname.slice(1);
  if (path === "") return 0;
  if (/^\d{1,5}$/.test(path)) return Number(path);
  throw new ConfigError("url", path, "a database number behind the host, such as redis://host:6379/0");
}

function nameOf(name: unknown): string {
  if (typeof name === "string" && /^[\w.:-]{1,63}$/.test(name)) return name;
  throw new ConfigError("application", name, "1 to 63 letters, digits and -_.:");
}
