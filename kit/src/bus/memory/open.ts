import { systemClock } from "../../clock/mod.ts";
import { integerIn } from "../../errors/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { Bus } from "../bus.ts";
import { type BusOptions, CarriedBus } from "../carried-bus.ts";
import { memoryCarrier, MemoryHub } from "./memory-hub.ts";

/** Where the bus meets others, and its bound. */
export interface MemoryBusOptions extends BusOptions {
  /** Buses with the same hub reach each other. Default: a hub of its own. */
  readonly hub?: MemoryHub | undefined;
  /** Most bytes of a body. Default 1 MiB. */
  readonly bodyBytesMax?: number | undefined;
}

/** A hub for several buses of one process. */
export function memoryHub(): MemoryHub {
  return new MemoryHub();
}

/** Opens a bus between parts of this process. Throws ConfigError. */
export async function openMemoryBus(options: MemoryBusOptions = {}): Promise<Bus> {
  const { hub = new MemoryHub(), clock = systemClock, random = systemRandom, onFault } = options;
  const bodyBytesMax = integerIn("bodyBytesMax", options.bodyBytesMax ?? 1_048_576, { min: 1, max: 2 ** 26 });
  return new CarriedBus(memoryCarrier(hub, clock, bodyBytesMax), { clock, random, onFault });
}
