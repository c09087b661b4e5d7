import { systemClock } from "../../clock/mod.ts";
import { type AmqpOptions, openAmqp } from "../../drivers/amqp/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { Bus } from "../bus.ts";
import { type BusOptions, CarriedBus } from "../carried-bus.ts";
import { AmqpCarrier } from "./amqp-carrier.ts";

/** Where the broker is, and which bus on it. */
export interface AmqpBusOptions extends AmqpOptions, Pick<BusOptions, "onFault"> {
  /** Buses with the same prefix reach each other. Default "ashlar". */
  readonly prefix?: string;
}

/** Opens a bus over RabbitMQ. Throws ConfigError, UnsupportedError (no client library), AmqpError. */
export async function openAmqpBus({ prefix = "ashlar", onFault, ...options }: AmqpBusOptions): Promise<Bus> {
  if (!/^[\w-]{1,64}$/.test(prefix))
    throw new ConfigError("prefix", prefix, "1 to 64 letters, digits, hyphens and underscores");
  const { clock = systemClock, random = systemRandom } = options;
  return new CarriedBus(new AmqpCarrier(await openAmqp(options), prefix), { clock, random, onFault });
}
