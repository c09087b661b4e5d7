import { decider, eventTypes, reject, type Decider } from "ashlar/events";
import type { Units } from "../goods.ts";

/** What an order holds of the stock. The stream is `reservation/<order>`; what it says is said once, however often it is asked for. */
export type ReservationEvent =
  | { readonly type: "Reserved"; readonly data: { readonly units: readonly Units[] } }
  | { readonly type: "Refused"; readonly data: object }
  /** Also of an order that held nothing: a reservation that arrives later finds it. */
  | { readonly type: "Released"; readonly data: object }
  | { readonly type: "Dispatched"; readonly data: object };

export interface Reservation {
  readonly stage: "none" | "reserved" | "refused" | "released" | "dispatched";
  readonly units: readonly Units[];
}

export type ReservationCommand =
  | { readonly kind: "reserve"; readonly units: readonly Units[] }
  | { readonly kind: "refuse" | "release" | "dispatch" };

/** Reserved or refused, then released or dispatched, once each. */
export const reservationDecider: Decider<Reservation, ReservationCommand, ReservationEvent, Reservation["stage"]> =
  decider({
    name: "reservation",
    events: eventTypes<ReservationEvent>({ Reserved: {}, Refused: {}, Released: {}, Dispatched: {} }),
    initial: (): Reservation => ({ stage: "none", units: [] }),
    decide: decideReservation,
    evolve: evolveReservation,
  });

function decideReservation(
  { stage }: Reservation,
  command: ReservationCommand,
): ReturnType<typeof reservationDecider.decide> {
  switch (command.kind) {
    case "reserve":
      return stage === "none" ? [{ type: "Reserved", data: { units: command.units } }] : reject(stage);
    case "refuse":
      return stage === "none" ? [{ type: "Refused", data: {} }] : reject(stage);
    case "release":
      return stage === "none" || stage === "reserved" ? [{ type: "Released", data: {} }] : reject(stage);
    case "dispatch":
      return stage === "reserved" ? [{ type: "Dispatched", data: {} }] : reject(stage);
    default:
      throw new Error(`unknown command ${command satisfies never}`);
  }
}

function evolveReservation(state: Reservation, event: ReservationEvent): Reservation {
  switch (event.type) {
    case "Reserved":
      return { stage: "reserved", units: event.data.units };
    case "Refused":
      return { ...state, stage: "refused" };
    case "Released":
      return { ...state, stage: "released" };
    case "Dispatched":
      return { ...state, stage: "dispatched" };
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}
