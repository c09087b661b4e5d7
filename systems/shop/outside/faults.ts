import { draw } from "../draw.ts";

/** How a service of the outside world treats one request. Refusals and delays are decided by seed, subject and kind of request only,
 *  never by time or attempt, so that a killed and resumed shop meets the same world. */
export interface Fate {
  /** The service says no for good, and why; `undefined` when it agrees. */
  readonly refusal: string | undefined;
  /** So many attempts fail before one is heard. */
  readonly outages: number;
  /** The reply to the first execution takes so long. */
  readonly stallMs: number;
}

/** How often something goes wrong, as a part of all requests. */
export interface FaultRates {
  readonly refusals: readonly { readonly reason: string; readonly rate: number }[];
  readonly outage: number;
  readonly stall: number;
}

/** `outage`: as `some`, and the first payment provider answers nothing at all. */
export type FaultMode = "none" | "some" | "outage";

const fine: Fate = { refusal: undefined, outages: 0, stallMs: 0 };
const passing = { outage: 0.05, stall: 0.02 };
const stallMs = { shortest: 20, longest: 60 };

/** What goes wrong in mode `some`, by kind of request. Refunds, recalls and the like are refused by nobody. */
const rates: Readonly<Record<string, FaultRates>> = {
  charge: {
    ...passing,
    refusals: [
      { reason: "declined", rate: 0.03 },
      { reason: "failed", rate: 0.01 },
    ],
  },
  parcel: { ...passing, refusals: [{ reason: "failed", rate: 0.01 }] },
  delivery: { ...passing, refusals: [{ reason: "failed", rate: 0.01 }] },
};

/** Decides the fate of requests. */
export function fates(mode: FaultMode, seed: number, company = "provider"): (kind: string, subject: string) => Fate {
  if (mode === "none") return () => fine;
  if (mode === "outage" && company === "provider") return () => ({ ...fine, outages: Infinity });
  return (kind, subject) => {
    const { refusals, outage, stall } = rates[kind] ?? { ...passing, refusals: [] };
    return {
      refusal: refusalOf(refusals, draw(seed, kind, "refusal", subject)),
      outages:
        draw(seed, kind, "outage", subject) < outage ? 1 + Math.floor(draw(seed, kind, "outages", subject) * 2) : 0,
      stallMs: draw(seed, kind, "stall", subject) < stall ? stallLength(draw(seed, kind, "stall-ms", subject)) : 0,
    };
  };
}

function refusalOf(refusals: FaultRates["refusals"], drawn: number): string | undefined {
  let bound = 0;
  for (const { reason, rate } of refusals) {
    bound += rate;
    if (drawn < bound) return reason;
  }
  return undefined;
}

function stallLength(drawn: number): number {
  return stallMs.shortest + Math.floor(drawn * (stallMs.longest - stallMs.shortest + 1));
}
