import { systemClock } from "../../clock/mod.ts";
import { openRedis, type RedisOptions } from "../../drivers/redis/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { Bus } from "../bus.ts";
import { type BusOptions, CarriedBus } from "../carried-bus.ts";
import { RedisCarrier } from "./redis-carrier.ts";

/** Where the server is, and which bus on it. */
export interface RedisBusOptions extends RedisOptions, Pick<BusOptions, "onFault"> {
  /** The channel of PUBLISH: buses with the same one reach each other, whatever the number of their database. Default "ashlar:bus". */
  readonly channel?: string;
}

/** Opens a bus over Redis. It has no groups. Throws ConfigError, UnsupportedError (no client library, cluster), RedisError. */
export async function openRedisBus({ channel = "ashlar:bus", onFault, ...options }: RedisBusOptions): Promise<Bus> {
  if (!/^[\w.:-]{1,100}$/.test(channel))
    throw new ConfigError("channel", channel, "1 to 100 letters, digits and _ - . :");
  const { clock = systemClock, random = systemRandom } = options;
  return new CarriedBus(new RedisCarrier(await openRedis(options), channel), { clock, random, onFault });
}
