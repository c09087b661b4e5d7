import { systemClock } from "../../clock/mod.ts";
import { openPostgres, type PostgresOptions } from "../../drivers/postgres/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { Bus } from "../bus.ts";
import { type BusOptions, CarriedBus } from "../carried-bus.ts";
import { PostgresCarrier } from "./postgres-carrier.ts";

/** Where the server is, and which bus on it. */
export interface PostgresBusOptions extends PostgresOptions, Pick<BusOptions, "onFault"> {
  /** The channel of NOTIFY: buses with the same one reach each other. Default "ashlar_bus". */
  readonly channel?: string;
}

/** Opens a bus over PostgreSQL. It has no groups. Throws ConfigError, UnsupportedError (no client library), PostgresError. */
export async function openPostgresBus({
  channel = "ashlar_bus",
  onFault,
  ...options
}: PostgresBusOptions): Promise<Bus> {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(channel))
    throw new ConfigError("channel", channel, "a name of 1 to 63 lower-case letters, digits and underscores");
  const { clock = systemClock, random = systemRandom } = options;
  return new CarriedBus(new PostgresCarrier(await openPostgres(options), channel), { clock, random, onFault });
}
