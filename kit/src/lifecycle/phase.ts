import { ConfigError, numberIn } from "../errors/mod.ts";

/**
 * A part of a shutdown, in this order: `accept` closes the doors to new work, `finish` lets the work in hand end, `drain` empties
 * queues and sagas, `close` gives back what was opened.
 */
export type Phase = "accept" | "finish" | "drain" | "close";

/** The order of a shutdown. */
export const phases: readonly Phase[] = ["accept", "finish", "drain", "close"];

/** How the time is divided, as shares of 1. */
export type PhaseShares = Readonly<Record<Phase, number>>;

const defaultShares: PhaseShares = { accept: 0.1, finish: 0.4, drain: 0.3, close: 0.2 };
const roundingSlack = 1e-9;

/** All four shares; throws {@link ConfigError} when they do not add up to 1. */
export function sharesOf(given: Partial<PhaseShares> | undefined): PhaseShares {
  const shares = { ...defaultShares, ...given };
  for (const phase of phases) numberIn(`shares.${phase}`, shares[phase], { min: 0, max: 1 });
  const sum = phases.reduce((sum, phase) => sum + shares[phase], 0);
  if (Math.abs(sum - 1) > roundingSlack) throw new ConfigError("shares", sum, "shares that add up to 1");
  return shares;
}

/** How long after the beginning a phase has to be over. A phase that ends early leaves its time to the later ones. */
export function phaseEndMs(phase: Phase, shares: PhaseShares, totalMs: number): number {
  const upTo = phases.slice(0, phases.indexOf(phase) + 1);
  return phase === "close" ? totalMs : totalMs * upTo.reduce((sum, earlier) => sum + shares[earlier], 0);
}
