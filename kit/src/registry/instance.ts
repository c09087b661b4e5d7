import { ConfigError, integerIn, numberIn, oneOf, textOf } from "../errors/mod.ts";

/** A service that an instance offers. */
export interface OfferedService {
  /** `orders@1` */
  readonly name: string;
  /** Fingerprint of the contract that it implements. */
  readonly hash: string;
}

/** Whether calls should go there. `draining` takes no new ones. */
export type InstanceState = "up" | "draining" | "down";

/** What an instance says of itself. */
export interface InstanceFacts {
  /** Where it is called. */
  readonly address: string;
  readonly services: readonly OfferedService[];
  /** Capacity beside others, 0.001 to 1e6. Default 1. */
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Default "up". */
  readonly state?: InstanceState | undefined;
  /** How busy it is: 0 idle, 1 full. */
  readonly load?: number | undefined;
}

/** An instance as the registry has it. */
export interface Instance extends InstanceFacts {
  /** Unique, never used again. */
  readonly id: string;
  readonly announcedAtMs: number;
  /** When its lease ends, by the engine's clock. */
  readonly leaseUntilMs: number;
}

const servicesMax = 500;
/** Longest record, in characters. */
const recordMax = 65_536;

/** Throws {@link ConfigError}. */
export function checkFacts(facts: InstanceFacts): void {
  const { address, services, weight = 1, zone = "-", labels = {}, state = "up", load = 0 } = facts;
  textOf("address", address, { lengthMax: 2_048 });
  integerIn("services", services.length, { min: 1, max: servicesMax });
  for (const { name, hash } of services) {
    textOf("services.name", name);
    textOf("services.hash", hash);
  }
  numberIn("weight", weight, { min: 0.001, max: 1_000_000 });
  textOf("zone", zone);
  oneOf("state", state, ["up", "draining", "down"]);
  numberIn("load", load, { min: 0, max: 100 });
  for (const [label, value] of Object.entries(labels)) textOf(`labels.${label}`, value);
  if (JSON.stringify(facts).length > recordMax)
    throw new ConfigError("facts", "too much", "a record of 64 KiB at most");
}
