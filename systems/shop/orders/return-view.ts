import { streamOf, type EventStore } from "ashlar/events";
import { formatMinor, sumMinor } from "../money.ts";
import type { ReturnView } from "../contracts/mod.ts";
import { currency } from "../currency.ts";
import { returnDecider, type RequestedReturn, type Return, type ReturnEvent } from "./return.ts";

type HistoryEntry = ReturnView["history"][number];

/** A return that has just been requested, as it will be read. */
export function requestedView(id: string, requested: RequestedReturn, nowMs: number): ReturnView {
  const state = returnDecider.evolve(returnDecider.initial(), { type: "ReturnRequested", data: requested });
  return viewOf(id, { requested, state, history: [{ at: new Date(nowMs).toISOString(), event: "requested" }] });
}

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
  return { requested, view: viewOf(id, { requested, state, history }) };
}

interface Told {
  readonly requested: RequestedReturn;
  readonly state: Return;
  readonly history: HistoryEntry[];
}

function viewOf(id: string, { requested: { lines, parts }, state, history }: Told): ReturnView {
  return {
    id,
    orders: [...new Set(parts.map((part) => part.order))],
    status: statusOf(state),
    refundMinor: sumMinor(parts.map((part) => part.amountMinor)),
    currency,
    lines: lines.map(({ code, quantity }) => ({ product: code, quantity })),
    history,
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
