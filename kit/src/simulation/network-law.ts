import { numberIn } from "../errors/mod.ts";
import { checkLatency, type Latency } from "./latency.ts";

/** What messages meet on their way from one node to another. */
export interface NetworkLaw {
  /** Of each message on its own, so that messages overtake each other. Default: exponential, at least 0.5 ms, 2 ms on average. */
  readonly latency: Latency;
  /** Part of the messages that never arrive, 0 to 1; on connections, part of the segments that arrive late. Default 0. */
  readonly loss: number;
  /** Part of the messages that arrive twice, 0 to 1. Default 0. */
  readonly duplication: number;
}

export const calmNetwork: NetworkLaw = {
  latency: { kind: "exponential", minMs: 0.5, meanMs: 2 },
  loss: 0,
  duplication: 0,
};

/** Throws {@link ConfigError}. */
export function networkLaw(given: Partial<NetworkLaw>, base: NetworkLaw = calmNetwork): NetworkLaw {
  const { latency = base.latency, loss = base.loss, duplication = base.duplication } = given;
  return {
    latency: checkLatency("latency", latency),
    loss: numberIn("loss", loss, { min: 0, max: 1 }),
    duplication: numberIn("duplication", duplication, { min: 0, max: 1 }),
  };
}
