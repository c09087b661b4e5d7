import { type Clock, systemClock } from "../../clock/mod.ts";
import { ConfigError, integerIn, textOf } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";

/** Where the broker is, who asks, and how long anybody waits. */
export interface AmqpOptions {
  /** `amqp://user:password@host:5672/virtual-host`, `amqps://` for TLS. The virtual host `/` is written as nothing or `/%2f`. */
  readonly url: string;
  /** Instead of the one in the URL; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** For `amqps`: goes on to Node's `tls.connect` (`ca`, `cert`, `key`, `rejectUnauthorized` …). */
  readonly tls?: { readonly [option: string]: unknown };
  /** Name of the connection in the broker's lists. Default "ashlar". */
  readonly application?: string;
  /** A peer that is silent for twice as long is taken for lost. 1 to 600 s, default 10 s. */
  readonly heartbeatSeconds?: number;
  /** Longest wait for a connection, and for the broker to come back. 1 ms to 10 min, default 10 s. */
  readonly connectMaxMs?: number;
  /** Longest wait for the broker's answer or confirmation; then the connection is given up. 1 ms to 1 h, default 30 s. */
  readonly answerMaxMs?: number;
  /** Messages that were sent and are not confirmed yet; beyond it a publish is refused with AmqpError `busy`. Default 10,000. */
  readonly unconfirmedMax?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults, in range. */
export interface ResolvedAmqp extends Required<Omit<AmqpOptions, "password" | "tls">> {
  readonly password: AmqpOptions["password"];
  readonly tls: AmqpOptions["tls"];
}

const tenMinutes = 600_000;

/** Throws ConfigError that names the option. */
export function resolveAmqp(options: AmqpOptions): ResolvedAmqp {
  const { clock = systemClock, random = systemRandom, password, tls } = options;
  return {
    url: urlOf(options.url),
    password,
    tls,
    application: textOf("application", options.application ?? "ashlar"),
    heartbeatSeconds: integerIn("heartbeatSeconds", options.heartbeatSeconds ?? 10, { min: 1, max: 600 }),
    connectMaxMs: integerIn("connectMaxMs", options.connectMaxMs ?? 10_000, { min: 1, max: tenMinutes }),
    answerMaxMs: integerIn("answerMaxMs", options.answerMaxMs ?? 30_000, { min: 1, max: 6 * tenMinutes }),
    unconfirmedMax: integerIn("unconfirmedMax", options.unconfirmedMax ?? 10_000, { min: 1, max: 1_000_000 }),
    clock,
    random,
  };
}

function urlOf(url: unknown): string {
  const text = textOf("url", url, { lengthMax: 4096 });
  // The value is not shown: it may hold a password.
  if (!/^amqps?:\/\//.test(text) || !URL.canParse(text))
    throw new ConfigError("url", "(not shown)", "an address such as amqp://user@host:5672/virtual-host");
  return text;
}
