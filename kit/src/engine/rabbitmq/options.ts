import { type Clock, systemClock } from "../../clock/mod.ts";
import type { AmqpOptions } from "../../drivers/amqp/mod.ts";
import { ConfigError, integerIn } from "../../errors/mod.ts";
import { type Random, systemRandom } from "../../random/mod.ts";
import type { Capabilities } from "../engine.ts";
import { changesDefault, payloadBytesDefault } from "../limits.ts";

/** Where the broker is, how its queues are made, and the bounds of everything that grows or waits. */
export interface RabbitEngineOptions extends Pick<
  AmqpOptions,
  "url" | "password" | "tls" | "application" | "heartbeatSeconds" | "connectMaxMs" | "answerMaxMs" | "unconfirmedMax"
> {
  /** First part of the names of all queues and exchanges. Default "ashlar". Different prefixes are different engines. */
  readonly prefix?: string;
  /** How many lanes each queue has, 1 to 10: each is a queue of the broker, so take no more than are used. Default 1: lane 0. The same in all processes. */
  readonly lanes?: number;
  /** Members of each queue: 1, 3, 5 or 7; from 3 on the class is `replicated`. AMQP does not tell how many nodes there are: give more than 1 only
   *  where the cluster has as many. Default 1: class `disk`. */
  readonly members?: number;
  /** Messages of one queue and lane that this process may hold at once, claimed or not. 1 to 10,000, default 2,000. */
  readonly windowMax?: number;
  /** Messages that came and that nobody of this process claimed go back to the queue after so long. Default 1 s. */
  readonly unclaimedMaxMs?: number;
  /** Largest body in bytes. Default 1 MiB. */
  readonly payloadBytesMax?: number;
  /** Judges leases. Default the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults, in range. */
export interface ResolvedOptions {
  readonly prefix: string;
  readonly lanes: number;
  readonly members: number;
  readonly windowMax: number;
  readonly unclaimedMaxMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly can: Capabilities;
}

/** Throws ConfigError that names the option. */
export function resolveOptions(options: RabbitEngineOptions): ResolvedOptions {
  const members = integerIn("members", options.members ?? 1, { min: 1, max: 7 });
  if (members % 2 === 0) throw new ConfigError("members", members, "1, 3, 5 or 7");
  const payloadBytesMax = options.payloadBytesMax ?? payloadBytesDefault;
  return {
    prefix: prefixOf(options.prefix ?? "ashlar"),
    lanes: integerIn("lanes", options.lanes ?? 1, { min: 1, max: 10 }),
    members,
    windowMax: integerIn("windowMax", options.windowMax ?? 2_000, { min: 1, max: 10_000 }),
    unclaimedMaxMs: integerIn("unclaimedMaxMs", options.unclaimedMaxMs ?? 1_000, { min: 10 }),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    can: {
      engine: "rabbitmq",
      parts: ["messages"],
      durability: members >= 3 ? "replicated" : "disk",
      sharing: "many machines",
      transactions: "none",
      payloadBytesMax: integerIn("payloadBytesMax", payloadBytesMax, { min: 1, max: 2 ** 26 }),
      changesMax: changesDefault,
    },
  };
}

function prefixOf(prefix: unknown): string {
  if (typeof prefix === "string" && /^[\w-]{1,64}$/.test(prefix)) return prefix;
  throw new ConfigError("prefix", prefix, "1 to 64 letters, digits, hyphens and underscores");
}
