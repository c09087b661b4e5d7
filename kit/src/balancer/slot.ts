import { hash32 } from "../codec/mod.ts";
import type { Endpoint } from "./endpoint.ts";

/** What active checks last said. `unknown` counts as healthy. */
export type Health = "unknown" | "healthy" | "unhealthy";

/** One stay of an endpoint in the set, with all that is known of it. A later stay of the same id is a new slot, so that
 *  what ends late can only touch the slot it began on. */
export interface Slot {
  endpoint: Endpoint;
  isPresent: boolean;
  /** As configured: what hashing goes by, for keys must not move with the load. */
  weight: number;
  /** Weight corrected by the reported load, 1 on average over the set: what everything else goes by. */
  share: number;
  readonly salt: number;

  inFlight: number;
  picks: number;
  /** Balance of the smooth weighted round robin. */
  credit: number;

  ewmaMs: number;
  ewmaAtMs: number;
  /** Since the slot began: calls that ended with a verdict, the time of the answered ones, and the failed ones. */
  ended: number;
  endedMs: number;
  failed: number;

  health: Health;
  failedInRow: number;
  /** Sweeps in a row in which it was too slow. */
  slowSweeps: number;
  ejections: number;
  /** 0 when it is not ejected. */
  ejectedUntilMs: number;
  returnedAtMs: number;
  /** The three totals above at the last sweep. */
  sweptEnded: number;
  sweptEndedMs: number;
  sweptFailed: number;

  warmFromMs: number;
  warmUntilMs: number;
}

// What will hold fractions begins with one: V8 keeps a field that begins as an integer in another form, and reshapes every slot
// and the code that reads them when the first fraction comes.
const fraction = 0.5;

/** A slot of which nothing is known yet. */
export function slotOf(endpoint: Endpoint, nowMs: number): Slot {
  const slot: Slot = {
    endpoint,
    isPresent: true,
    weight: fraction,
    share: fraction,
    salt: hash32(endpoint.id),
    inFlight: 0,
    picks: 0,
    credit: fraction,
    ewmaMs: fraction,
    ewmaAtMs: fraction,
    ended: 0,
    endedMs: fraction,
    failed: 0,
    health: "unknown",
    failedInRow: 0,
    slowSweeps: 0,
    ejections: 0,
    ejectedUntilMs: fraction,
    returnedAtMs: fraction,
    sweptEnded: 0,
    sweptEndedMs: fraction,
    sweptFailed: 0,
    warmFromMs: fraction,
    warmUntilMs: fraction,
  };
  const zeros = { credit: 0, ewmaMs: 0, endedMs: 0, ejectedUntilMs: 0, returnedAtMs: 0, sweptEndedMs: 0 };
  return Object.assign(slot, zeros, {
    warmFromMs: 0,
    warmUntilMs: 0,
    share: 1,
    weight: endpoint.weight ?? 1,
    ewmaAtMs: nowMs,
  });
}

/** Whether new calls may come at all; suspicion set aside. */
export function isUp(slot: Slot): boolean {
  return (slot.endpoint.state ?? "up") === "up";
}

/** Neither checks nor outcomes speak against it. */
export function isTrusted(slot: Slot): boolean {
  return slot.ejectedUntilMs === 0 && slot.health !== "unhealthy";
}
