import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, numberIn, oneOf, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { type Algorithm, resolveAlgorithm, type ResolvedAlgorithm } from "./algorithm.ts";
import { type EjectionOptions, type EjectionRules, resolveEjection } from "./ejection-rules.ts";
import type { GroupRules, Subset } from "./group.ts";

/** What a balancer goes by. Everything has a default. */
export interface BalancerOptions {
  /** In telemetry and reports. Default "balancer". */
  readonly name?: string | undefined;
  /** A name, or a name with options. Default `peak-ewma`. */
  readonly algorithm?: Algorithm["kind"] | Algorithm | undefined;
  /** The zone of the caller, unless a request names one. Without a zone all are alike. */
  readonly zone?: string | undefined;
  /** Reported load of the own zone above which calls leave it, 0.1 to 1. Default 0.8. */
  readonly zoneLoadMax?: number | undefined;
  /** So many times the latency of the other zones is too slow, 1.1 to 100. Default 2. */
  readonly zoneLatencyFactor?: number | undefined;
  /** By name, at most 64. */
  readonly subsets?: Readonly<Record<string, Subset>> | undefined;
  /** For how long the traffic of a new or returned endpoint rises, up to an hour; 0 for not at all. Default 10 s. */
  readonly slowStartMs?: number | undefined;
  /** `off` ejects nobody. */
  readonly ejection?: EjectionOptions | "off" | undefined;
  /** Below this part of trusted endpoints all that are up are used, 0 to 1; 0 never. Default 0.5. */
  readonly panicBelow?: number | undefined;
  readonly clock?: Pick<Clock, "now" | "monotonic"> | undefined;
  readonly random?: Random | undefined;
}

/** All of {@link BalancerOptions}, in range. */
export interface BalancerRules extends GroupRules {
  readonly name: string;
  readonly algorithm: ResolvedAlgorithm;
  readonly zone: string | undefined;
  readonly subsets: ReadonlyMap<string, Subset>;
  readonly slowStartMs: number;
  readonly ejection: EjectionRules | undefined;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly random: Random;
}

const subsetsMax = 64;

/** Throws ConfigError. */
export function resolveOptions(options: BalancerOptions): BalancerRules {
  const {
    algorithm = "peak-ewma",
    zone,
    subsets = {},
    ejection = {},
    clock = systemClock,
    random = systemRandom,
  } = options;
  return {
    name: textOf("name", options.name ?? "balancer"),
    algorithm: resolveAlgorithm(algorithm),
    zone: zone === undefined ? undefined : textOf("zone", zone),
    zones: {
      loadMax: numberIn("zoneLoadMax", options.zoneLoadMax ?? 0.8, { min: 0.1, max: 1 }),
      latencyFactor: numberIn("zoneLatencyFactor", options.zoneLatencyFactor ?? 2, { min: 1.1, max: 100 }),
      compareMs: 250,
    },
    subsets: subsetsOf(subsets),
    slowStartMs: numberIn("slowStartMs", options.slowStartMs ?? 10_000, { min: 0, max: 3_600_000 }),
    ejection: ejection === "off" ? undefined : resolveEjection(ejection),
    panicBelow: numberIn("panicBelow", options.panicBelow ?? 0.5, { min: 0, max: 1 }),
    clock,
    random,
  };
}

function subsetsOf(subsets: Readonly<Record<string, Subset>>): ReadonlyMap<string, Subset> {
  const entries = Object.entries(subsets);
  if (entries.length > subsetsMax) throw new ConfigError("subsets", entries.length, `at most ${subsetsMax} subsets`);
  for (const [name, { otherwise = "refuse" }] of entries) {
    textOf("subsets", name);
    oneOf(`subsets.${name}.otherwise`, otherwise, ["refuse", "all"]);
  }
  return new Map(entries);
}
