import { type Clock, systemClock } from "../../clock/mod.ts";
import { ConfigError, integerIn } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";

/** How the server proves who it is. `verify`: its certificate must fit its name and be signed by an authority of the system. An object goes on to the
 *  client library: `caFile`, `certFile`, `keyFile`, or their contents `ca`, `cert`, `key`. */
export type NatsTls = "verify" | Readonly<Record<string, string>>;

/** Where the servers are, who asks, and how long anybody waits. */
export interface NatsOptions {
  /** `nats://user:password@host:4222`, or `tls://`; several are servers of one cluster. */
  readonly url: string | readonly string[];
  /** Instead of the one in the URL. */
  readonly user?: string;
  /** Instead of the one in the URL; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string);
  /** In place of user and password. */
  readonly token?: string;
  /** The text of a credentials file (`.creds`), in place of user and password. */
  readonly credentials?: string;
  /** Demands TLS. Default: "verify" where an address begins with `tls://`, else none. */
  readonly tls?: NatsTls;
  /** Seen in the server's list of connections. Default "ashlar". */
  readonly application?: string;
  /** The domain of JetStream, where the server is a leaf of another. */
  readonly domain?: string;
  /** Requests in hand, waiting for a connection or an answer; beyond it they are refused with NatsError `busy`. 1 to 1,000,000, default 10,000. */
  readonly requestsMax?: number;
  /** Longest wait for a connection. 1 ms to 10 min, default 10 s. */
  readonly connectMaxMs?: number;
  /** Longest wait for an answer. 1 ms to 1 h, default 5 s. */
  readonly answerMaxMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults, in range. */
export interface ResolvedNats {
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | (() => string) | undefined;
  readonly token: string | undefined;
  readonly credentials: string | undefined;
  readonly tls: NatsTls | undefined;
  readonly application: string;
  /** First part of the subjects of the JetStream API. */
  readonly apiPrefix: string;
  readonly requestsMax: number;
  readonly connectMaxMs: number;
  readonly answerMaxMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

const minuteMs = 60_000;

/** Throws ConfigError that names the option. */
export function resolveNats(options: NatsOptions): ResolvedNats {
  const { clock = systemClock, random = systemRandom } = options;
  const urls = urlsOf(options.url);
  const [first] = urls;
  const isSecret = urls.some(({ protocol }) => protocol === "tls:");
  return {
    servers: urls.map(({ host }) => host),
    user: options.user ?? partOf(first?.username),
    password: options.password ?? partOf(first?.password),
    token: options.token,
    credentials: options.credentials,
    tls: options.tls ?? (isSecret ? "verify" : undefined),
    application: nameOf("application", options.application ?? "ashlar"),
    apiPrefix: options.domain === undefined ? "$JS.API" : `$JS.${nameOf("domain", options.domain)}.API`,
    requestsMax: integerIn("requestsMax", options.requestsMax ?? 10_000, { min: 1, max: 1_000_000 }),
    connectMaxMs: integerIn("connectMaxMs", options.connectMaxMs ?? 10_000, { min: 1, max: 10 * minuteMs }),
    answerMaxMs: integerIn("answerMaxMs", options.answerMaxMs ?? 5_000, { min: 1, max: 60 * minuteMs }),
    clock,
    random,
  };
}

function urlsOf(given: unknown): readonly URL[] {
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  const fits = (text: unknown): text is string =>
    typeof text === "string" && /^(?:nats|tls):\/\/[^/]/.test(text) && URL.canParse(text);
  // The value is not shown: it may hold a password.
  if (texts.length === 0 || !texts.every(fits))
    throw new ConfigError("url", "(not shown)", "an address such as nats://user@host:4222, or a list of them");
  return texts.map((text) => new URL(text));
}

function partOf(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : decodeURIComponent(text);
}

function nameOf(option: string, name: unknown): string {
  if (typeof name === "string" && /^[\w:-]{1,63}$/.test(name)) return name;
  throw new ConfigError(option, name, "1 to 63 letters, digits and -_:");
}
