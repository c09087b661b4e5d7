import { decider, eventTypes, reject, type Decider } from "ashlar/events";
import type { Minor } from "../money.ts";

/** One line that a customer sent back. `matched` units found an earlier purchase; the rest is surplus and not refunded. */
export interface ReturnLine {
  readonly code: string;
  readonly quantity: number;
  readonly matched: number;
}

/** Units taken back from one order, at the price paid there. */
export interface ReturnPart {
  readonly order: string;
  readonly code: string;
  readonly quantity: number;
  readonly amountMinor: Minor;
}

export interface RequestedReturn {
  readonly lines: readonly ReturnLine[];
  readonly parts: readonly ReturnPart[];
  /** Absent when nobody is known to give the money to: then nothing is matched. */
  readonly customer?: string;
  readonly placedAt: string;
}

/** What happens to a return. The stream is `return/<id>`. Without any part it ends where it begins: recorded as unmatched. */
export type ReturnEvent =
  | { readonly type: "ReturnRequested"; readonly data: RequestedReturn }
  | { readonly type: "ReturnRefunded"; readonly data: { readonly amountMinor: Minor } }
  | { readonly type: "ReturnClosed"; readonly data: { readonly restocked: number } };

export interface Return {
  readonly stage: "unknown" | "requested" | "refunded" | "closed";
  readonly lines: readonly ReturnLine[];
  readonly refundMinor: Minor;
}

export type ReturnCommand =
  | { readonly kind: "request"; readonly request: RequestedReturn }
  | { readonly kind: "note refunded"; readonly amountMinor: Minor }
  | { readonly kind: "close"; readonly restocked: number };

export interface ReturnRefusal {
  readonly stage: Return["stage"];
}

const unknown: Return = { stage: "unknown", lines: [], refundMinor: 0 };

/** The rules of a return: requested, refunded, closed, in this order and once each. */
export const returnDecider: Decider<Return, ReturnCommand, ReturnEvent, ReturnRefusal> = decider({
  name: "return",
  events: eventTypes<ReturnEvent>({ ReturnRequested: {}, ReturnRefunded: {}, ReturnClosed: {} }),
  initial: () => unknown,
  decide: decideReturn,
  evolve: evolveReturn,
});

function decideReturn(state: Return, command: ReturnCommand): ReturnType<typeof returnDecider.decide> {
  const { stage } = state;
  switch (command.kind) {
    case "request":
      return stage === "unknown" ? [{ type: "ReturnRequested", data: command.request }] : reject({ stage });
    case "note refunded":
      if (stage !== "requested") return reject({ stage });
      return [{ type: "ReturnRefunded", data: { amountMinor: command.amountMinor } }];
    case "close":
      if (stage !== "refunded") return reject({ stage });
      return [{ type: "ReturnClosed", data: { restocked: command.restocked } }];
    default:
      throw new Error(`unknown command ${command satisfies never}`);
  }
}

function evolveReturn(state: Return, event: ReturnEvent): Return {
  switch (event.type) {
    case "ReturnRequested":
      return endedAtOnce(event.data)
        ? { stage: "closed", lines: event.data.lines, refundMinor: 0 }
        : { stage: "requested", lines: event.data.lines, refundMinor: 0 };
    case "ReturnRefunded":
      return { ...state, stage: "refunded", refundMinor: event.data.amountMinor };
    case "ReturnClosed":
      return { ...state, stage: "closed" };
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}

function endedAtOnce(request: RequestedReturn): boolean {
  return request.parts.length === 0;
}
