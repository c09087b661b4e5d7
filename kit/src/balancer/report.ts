import type { Endpoint, EndpointState } from "./endpoint.ts";
import type { Group, NotPickedReason } from "./group.ts";
import { warmth } from "./slow-start.ts";
import type { Health, Slot } from "./slot.ts";

/** What a balancer knows at a moment. */
export interface BalancerReport {
  readonly name: string;
  readonly algorithm: string;
  /** Endpoints that a pick without subset may choose now. */
  readonly available: number;
  /** `panic`: too few are trusted, so all that are up are used. */
  readonly mode: "normal" | "panic";
  /** Why a pick would choose nobody now. */
  readonly reason?: NotPickedReason | undefined;
  readonly inFlight: number;
  /** The part of the calls that stays in the caller's zone; absent without a zone. */
  readonly zoneShare?: number | undefined;
  /** Keys that sticky remembers. */
  readonly keys?: number | undefined;
  readonly endpoints: readonly EndpointReport[];
}

/** One endpoint of the set, by id. */
export interface EndpointReport {
  readonly id: string;
  readonly address: string;
  readonly zone?: string | undefined;
  readonly state: EndpointState;
  readonly health: Health;
  readonly weight: number;
  /** Its part of the picks that go by weight, 0 to 1, with reported load and slow start counted in. */
  readonly effectiveWeight: number;
  readonly inFlight: number;
  readonly ewmaMs: number;
  readonly picks: number;
  readonly errors: number;
  /** By the wall clock; absent unless ejected. */
  readonly ejectedUntilMs?: number | undefined;
}

/** The moment by both clocks. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** The fields that a balancer knows by itself. */
export type ReportHead = Pick<BalancerReport, "name" | "algorithm" | "inFlight" | "keys">;

export function reportOf(head: ReportHead, view: { group: Group; slots: readonly Slot[] }, at: Moment): BalancerReport {
  const { group, slots } = view;
  const open = new Set(group.all.slots);
  const warmShares = slots.map((slot) => (open.has(slot) ? slot.share * warmth(slot, at.nowMs) : 0));
  const sum = warmShares.reduce((total, share) => total + share, 0);
  return {
    ...head,
    available: group.all.slots.length,
    mode: group.isPanic ? "panic" : "normal",
    reason: group.reason,
    zoneShare: group.home === undefined ? undefined : group.share?.at(at.nowMs),
    endpoints: slots.map((slot, place) => endpointReport(slot, (warmShares[place] ?? 0) / (sum || 1), at)),
  };
}

function endpointReport(slot: Slot, effectiveWeight: number, { nowMs, wallMs }: Moment): EndpointReport {
  const { id, address, zone, state = "up" }: Endpoint = slot.endpoint;
  const { health, weight, inFlight, ewmaMs, picks, failed } = slot;
  const ejectedUntilMs = slot.ejectedUntilMs === 0 ? undefined : wallMs + slot.ejectedUntilMs - nowMs;
  return {
    id,
    address,
    zone,
    state,
    health,
    weight,
    effectiveWeight,
    inFlight,
    ewmaMs,
    picks,
    errors: failed,
    ejectedUntilMs,
  };
}
