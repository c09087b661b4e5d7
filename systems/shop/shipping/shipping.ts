import type { Cell, Engine } from "ashlar/engine";
import { InvariantError } from "ashlar/errors";
import type { OutsideReply, WayOut } from "../outside/mod.ts";

export type ParcelOutcome = { readonly status: "sent"; readonly tracking: string } | { readonly status: "refused" };

/** A parcel as it is kept: one cell an order. */
export interface Parcel {
  readonly state: "sent" | "recalled";
  readonly tracking: string;
}

const space = "parcel";

/** Hands parcels to the carrier. It is asked under the order's name, and what it has taken is kept under it. */
export class Shipping {
  readonly #engine: Engine;
  readonly #carrier: Pick<WayOut, "ask">;

  constructor(engine: Engine, carrier: Pick<WayOut, "ask">) {
    this.#engine = engine;
    this.#carrier = carrier;
  }

  /** Rejects with a retryable error when the carrier did not answer. */
  async send(order: string, signal: AbortSignal): Promise<ParcelOutcome> {
    const reply = await this.#ask("parcel", order, signal);
    if (reply.status !== "done") return { status: "refused" };
    const value = JSON.stringify({ state: "sent", tracking: reply.reference } satisfies Parcel);
    // One that is there was handed over before, and may have been recalled since.
    await this.#engine.commit([{ op: "put", cell: { space, key: order }, expect: "absent", value }]);
    return { status: "sent", tracking: reply.reference };
  }

  async recall(order: string, signal: AbortSignal): Promise<void> {
    const reply = await this.#ask("recall", order, signal);
    if (reply.status !== "done") throw new InvariantError(`the recall of ${order} was refused`);
    const parcel = await this.find(order);
    const { tracking = "" } = parcel ?? {};
    const value = JSON.stringify({ state: "recalled", tracking } satisfies Parcel);
    await this.#engine.commit([{ op: "put", cell: { space, key: order }, expect: "any", value }]);
  }

  async find(order: string): Promise<Parcel | undefined> {
    const [cell] = await this.#engine.get([{ space, key: order }]);
    return cell === undefined ? undefined : parcelOf(cell);
  }

  /** Parcels that were ever handed over, and how many of them were called back. */
  async count(): Promise<{ readonly parcels: number; readonly recalled: number }> {
    const count = { parcels: 0, recalled: 0 };
    for await (const cell of this.#engine.scan({ kind: "cells", space })) {
      count.parcels += 1;
      if (parcelOf(cell).state === "recalled") count.recalled += 1;
    }
    return count;
  }

  #ask(kind: "parcel" | "recall", order: string, signal: AbortSignal): Promise<OutsideReply> {
    const request = { kind, subject: order, key: `${kind}/${order}`, amountMinor: 0 };
    return this.#carrier.ask(request, signal);
  }
}

function parcelOf({ value }: Cell): Parcel {
  return JSON.parse(value) as Parcel;
}
