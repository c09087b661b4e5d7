import { streamOf, type EventStore } from "ashlar/events";
import { formatMinor, sumMinor } from "../money.ts";
import { returnDecider, type RequestedReturn, type Return, type ReturnEvent } from "../returns/mod.ts";
import { currency } from "./currency.ts";
import type { HistoryEntry, ReturnView } from "./storefront.ts";

/** A return as its stream tells it. */
export interface RecordedReturn {
  readonly requested: RequestedReturn;
  readonly view: ReturnView;
}

/** Reads a return's stream; `undefined` when there is none. */
export async function readReturn(store: EventStore, id: string): Promise<RecordedReturn | undefined> {
  const history: HistoryEntry[] = [];
  let state = returnDecider.initial();
  let requested: RequestedReturn | undefined;
  const options = { types: returnDecider.events };
  for await (const event of store.readStream<ReturnEvent>(streamOf(returnDecider, id), options)) {
    if (event.type === "ReturnRequested") requested = event.data;
    state = returnDecider.evolve(state, event);
    history.push({ at: new Date(event.recordedAtMs).toISOString(), event: eventText(event) });
  }
  if (requested === undefined) return undefined;
  const { lines, parts } = requested;
  return {
    requested,
    view: {
      id,
      orders: [...new Set(parts.map((part) => part.order))],
      status: statusOf(state),
      refundMinor: sumMinor(parts.map((part) => part.amountMinor)),
      currency,
      lines: lines.map(({ code, quantity }) => ({ product: code, quantity })),
      history,
    },
  };
}

function statusOf({ stage }: Return): ReturnView["status"] {
  return stage === "unknown" ? "requested" : stage;
}

function eventText(event: ReturnEvent): string {
  switch (event.type) {
    case "ReturnRequested":
      return "requested";
    case "ReturnRefunded":
      return `refunded ${formatMinor(event.data.amountMinor)}`;
    case "ReturnClosed":
      return `closed, ${event.data.restocked} back in stock`;
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}
