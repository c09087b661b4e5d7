import { ConfigError, integerIn, numberIn, oneOf } from "../errors/mod.ts";

/** How one of the available endpoints is chosen. Weights, slow start, ejection, zones and draining surround every one. */
export type Algorithm =
  | { readonly kind: "round-robin" }
  | { readonly kind: "least-requests" }
  | { readonly kind: "two-choices" }
  | PeakEwmaAlgorithm
  | HashAlgorithm
  | MaglevAlgorithm
  | StickyAlgorithm;

/** Two choices, compared by latency times requests in flight. */
export interface PeakEwmaAlgorithm {
  readonly kind: "peak-ewma";
  /** How fast an old latency is forgotten, 10 ms to an hour: it is worth 37 % after this time. Default 10 s. */
  readonly decayMs?: number | undefined;
}

/** By the key of the request: `hash` by place in the set, `rendezvous` by the highest score. */
export interface HashAlgorithm {
  readonly kind: "hash" | "rendezvous";
  /** No endpoint gets more than this many times its share of what is in flight, 1 to 1000. Default 1.25. */
  readonly loadFactor?: number | undefined;
}

/** By the key of the request through a table. */
export interface MaglevAlgorithm {
  readonly kind: "maglev";
  readonly loadFactor?: number | undefined;
  /** A prime from 251 to 1,048,573, best 100 times the endpoints or more. Default 65,537: built in about 10 ms an update. */
  readonly tableSize?: number | undefined;
}

/** A key stays with the endpoint it first met, as long as that one is available or draining. */
export interface StickyAlgorithm {
  readonly kind: "sticky";
  /** Chooses for a new key. Default `peak-ewma`. */
  readonly first?: "round-robin" | "least-requests" | "two-choices" | "peak-ewma" | undefined;
  /** Keys remembered, the longest unused one is forgotten first; 1 to 10 million. Default 100,000. */
  readonly keysMax?: number | undefined;
  /** A key unused for so long is forgotten; 1 s to 30 days. Default 30 minutes. */
  readonly idleMs?: number | undefined;
}

/** An algorithm whose options are all there and in range. */
export type ResolvedAlgorithm =
  | { readonly kind: "round-robin" | "least-requests" | "two-choices" }
  | { readonly kind: "peak-ewma"; readonly decayMs: number }
  | { readonly kind: "hash" | "rendezvous"; readonly loadFactor: number }
  | { readonly kind: "maglev"; readonly loadFactor: number; readonly tableSize: number }
  | { readonly kind: "sticky"; readonly first: ResolvedAlgorithm; readonly keysMax: number; readonly idleMs: number };

const firstKinds = ["round-robin", "least-requests", "two-choices", "peak-ewma"] as const;
const kinds = [...firstKinds, "hash", "rendezvous", "maglev", "sticky"] as const;

/** Fills in defaults; a name alone stands for the algorithm with its defaults. */
export function resolveAlgorithm(choice: Algorithm["kind"] | Algorithm): ResolvedAlgorithm {
  const algorithm = typeof choice === "string" ? ({ kind: choice } as Algorithm) : choice;
  oneOf("algorithm", algorithm.kind, kinds);
  switch (algorithm.kind) {
    case "round-robin":
    case "least-requests":
    case "two-choices":
      return { kind: algorithm.kind };
    case "peak-ewma":
      return {
        kind: "peak-ewma",
        decayMs: numberIn("decayMs", algorithm.decayMs ?? 10_000, { min: 10, max: 3_600_000 }),
      };
    case "hash":
    case "rendezvous":
      return { kind: algorithm.kind, loadFactor: loadFactorOf(algorithm.loadFactor) };
    case "maglev":
      return {
        kind: "maglev",
        loadFactor: loadFactorOf(algorithm.loadFactor),
        tableSize: tableSizeOf(algorithm.tableSize ?? 65_537),
      };
    case "sticky":
      return {
        kind: "sticky",
        first: resolveAlgorithm(oneOf("first", algorithm.first ?? "peak-ewma", firstKinds)),
        keysMax: integerIn("keysMax", algorithm.keysMax ?? 100_000, { min: 1, max: 10_000_000 }),
        idleMs: numberIn("idleMs", algorithm.idleMs ?? 1_800_000, { min: 1_000, max: 2_592_000_000 }),
      };
    default:
      throw new ConfigError("algorithm", algorithm satisfies never, "a known algorithm");
  }
}

function loadFactorOf(value: number | undefined): number {
  return numberIn("loadFactor", value ?? 1.25, { min: 1, max: 1_000 });
}

function tableSizeOf(value: number): number {
  const size = integerIn("tableSize", value, { min: 251, max: 1_048_573 });
  // Every skip must reach every place of the table, which only a prime size promises.
  for (let divisor = 2; divisor * divisor <= size; divisor++)
    if (size % divisor === 0) throw new ConfigError("tableSize", size, "a prime");
  return size;
}
