import { systemClock } from "../../clock/mod.ts";
import { type NatsOptions, openNats } from "../../drivers/nats/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { Bus } from "../bus.ts";
import { type BusOptions, CarriedBus } from "../carried-bus.ts";
import { NatsCarrier } from "./nats-carrier.ts";

/** Where the server is, and which bus on it. */
export interface NatsBusOptions extends NatsOptions, Pick<BusOptions, "onFault"> {
  /** First word of all subjects at the server: buses with the same one reach each other. Default "ashlar". */
  readonly prefix?: string;
}

/** Opens a bus over NATS; JetStream is not needed. Throws ConfigError, UnsupportedError (no client library, server too old), NatsError. */
export async function openNatsBus({ prefix = "ashlar", onFault, ...options }: NatsBusOptions): Promise<Bus> {
  if (!/^[\w-]{1,64}$/.test(prefix))
    throw new ConfigError("prefix", prefix, "1 to 64 letters, digits, hyphens and underscores");
  const { clock = systemClock, random = systemRandom } = options;
  return new CarriedBus(new NatsCarrier(await openNats(options), prefix), { clock, random, onFault });
}
