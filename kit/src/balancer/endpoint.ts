import { ConfigError, numberIn, oneOf, textOf } from "../errors/mod.ts";

/** One place where a call can go, as discovery tells of it. */
export interface Endpoint {
  /** Unique in its set, 1 to 255 characters. The same id at another address is another endpoint. */
  readonly id: string;
  /** Where it is; the balancer only hands it back. */
  readonly address: string;
  /** Its capacity beside the others, 0.001 to 1e6. Default 1. */
  readonly weight?: number | undefined;
  /** Where it stands: a rack, a data centre, a region. */
  readonly zone?: string | undefined;
  /** What subsets are made by: version, tier. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** How busy it says it is: 0 idle, 1 full, up to 100. */
  readonly load?: number | undefined;
  /** `draining` takes only keys that are bound to it, `down` nothing. Default `up`. */
  readonly state?: EndpointState | undefined;
}

/** What discovery says of an endpoint. What checks and outcomes say of it is kept apart. */
export type EndpointState = "up" | "draining" | "down";

/** The bound of a set. An update with more is refused. */
const endpointsMax = 10_000;

/** Throws {@link ConfigError} for the first fault of a list, so that a bad one changes nothing. */
export function checkEndpoints(endpoints: readonly Endpoint[]): void {
  if (endpoints.length > endpointsMax)
    throw new ConfigError("endpoints", endpoints.length, `at most ${endpointsMax} endpoints`);
  const ids = new Set<string>();
  for (const { id, address, weight = 1, zone = "-", load = 0, state = "up" } of endpoints) {
    textOf("endpoint.id", id);
    textOf("endpoint.address", address, { lengthMax: 2_048 });
    textOf("endpoint.zone", zone);
    numberIn("endpoint.weight", weight, { min: 0.001, max: 1_000_000 });
    numberIn("endpoint.load", load, { min: 0, max: 100 });
    oneOf("endpoint.state", state, ["up", "draining", "down"]);
    if (ids.has(id)) throw new ConfigError("endpoint.id", id, "an id that no other endpoint of the list has");
    ids.add(id);
  }
}
