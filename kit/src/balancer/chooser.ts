import type { Random } from "../random/mod.ts";
import type { ResolvedAlgorithm } from "./algorithm.ts";
import { keyHash, rendezvous } from "./choose-by-key.ts";
import { maglev } from "./choose-by-table.ts";
import { leastRequests, roundRobin } from "./choose-in-turn.ts";
import { peakEwma, twoChoices } from "./choose-of-two.ts";
import type { Chooser } from "./draw.ts";

/** The chooser of an algorithm; for `sticky` that of new keys. */
export function chooserOf(algorithm: ResolvedAlgorithm, random: Random): Chooser {
  switch (algorithm.kind) {
    case "round-robin":
      return roundRobin();
    case "least-requests":
      return leastRequests();
    case "two-choices":
      return twoChoices(random);
    case "peak-ewma":
      return peakEwma(random, algorithm.decayMs);
    case "hash":
      return keyHash(algorithm.loadFactor);
    case "rendezvous":
      return rendezvous(algorithm.loadFactor);
    case "maglev":
      return maglev(algorithm);
    case "sticky":
      return chooserOf(algorithm.first, random);
    default:
      throw new Error(`unknown algorithm ${algorithm satisfies never}`);
  }
}

/** Whether the key of a request decides, so that also chance must come from it. */
export function isByKey({ kind }: ResolvedAlgorithm): boolean {
  return kind === "hash" || kind === "rendezvous" || kind === "maglev";
}
