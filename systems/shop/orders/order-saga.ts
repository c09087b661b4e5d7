import type { EventStore } from "ashlar/events";
import { retryPlan } from "ashlar/queue";
import {
  saga,
  type CommitPlan,
  type SagaContext,
  type SagaDefinition,
  type StepContext,
  type UndoCommit,
} from "ashlar/saga";
import { goodsOf, type Inventory, type Units } from "../inventory/mod.ts";
import type { Notifications } from "../notifications/mod.ts";
import type { ChargeOutcome, Payment, Payments } from "../payments/mod.ts";
import type { PlannedCommit } from "../commit-loop.ts";
import { planCalls, planCertain, type ShopCall } from "../planning.ts";
import type { ParcelOutcome, Shipping } from "../shipping/mod.ts";
import { customerOrderChange } from "./customer-orders.ts";
import { orderDecider, type Order, type OrderCommand, type PlacedOrder, type Rejection } from "./order.ts";
import type { Tickets } from "./tickets.ts";

/** What the saga of an order works with. */
export interface OrderServices {
  readonly store: EventStore;
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly shipping: Shipping;
  readonly notifications: Notifications;
  readonly tickets: Tickets;
}

/** An order on its way through the shop. */
export interface OrderInput {
  readonly id: string;
  readonly order: PlacedOrder;
}

export type OrderSaga = SagaDefinition<OrderInput, { readonly confirmed: string }>;

type Reservation = { readonly status: "reserved" | "out of stock" | "called off" };

/** What the provider said, and whether the customer still wanted the order when that was recorded. */
type Charge = ChargeOutcome & { readonly wanted: Order["wanted"] };

// More attempts than any outage of the outside world lasts; short, because its stalls are.
const stepRetry = retryPlan({ attemptsMax: 12, firstMs: 5, capMs: 500 });

/**
 * Reserve, charge, ship, confirm; undone by release, refund, recall. Each step is one commit of the events of all contexts
 * together with its journal; calls of the outside world go out before it, under keys that make them happen once.
 */
export function orderSaga(services: OrderServices): OrderSaga {
  const rules = {
    version: "1",
    retry: stepRetry,
    // A process that is killed again and again is not the order's fault.
    crashesMax: 1_000,
  };
  return saga("order", rules, (input: OrderInput, context: SagaContext) =>
    new OrderRun(services, input, context).run(),
  );
}

class OrderRun {
  readonly #services: OrderServices;
  readonly #id: string;
  readonly #order: PlacedOrder;
  readonly #goods: readonly Units[];
  readonly #payment: Payment;
  readonly #context: SagaContext;
  /** Why the order ends, should it end now. */
  #reason: Rejection = "out-of-stock";

  constructor(services: OrderServices, { id, order }: OrderInput, context: SagaContext) {
    this.#services = services;
    this.#id = id;
    this.#order = order;
    this.#goods = goodsOf(order.lines);
    const { customer: payer = id, totalMinor: amountMinor, method } = order;
    this.#payment = { order: id, payer, amountMinor, ...(method === undefined ? {} : { method }) };
    this.#context = context;
  }

  async run(): Promise<{ readonly confirmed: string }> {
    const { step } = this.#context;
    const reserved = await step.commit("reserve", (attempt) => this.#reserve(attempt), {
      undoCommit: (result) => this.#release(result),
    });
    if (reserved.status === "called off") this.#callOff();
    if (reserved.status === "out of stock") this.#context.fail(this.#reason);

    this.#reason = "payment-failed";
    const charge = once(() => this.#services.payments.charge(this.#payment));
    const charged = await step.commit("charge", async () => this.#charge(await charge()), {
      undoCommit: (result) => this.#refund(result),
    });
    if (charged.status === "refused" && charged.reason === "declined") this.#reason = "payment-declined";
    if (charged.status === "refused") this.#context.fail(this.#reason);
    if (charged.wanted === "called off") this.#callOff();

    this.#reason = "shipping-failed";
    const send = once(() => this.#services.shipping.send(this.#id, this.#goods));
    const sent = await step.commit("ship", async () => this.#ship(await send()), {
      undoCommit: (result) => this.#recall(result),
    });
    if (sent.status === "refused") this.#context.fail(this.#reason);

    const end = await step.commit("confirm", () => this.#confirm());
    if (end === "called off") this.#callOff();
    return { confirmed: this.#id };
  }

  async #reserve(attempt: StepContext): Promise<CommitPlan<Reservation>> {
    const { store, inventory, tickets } = this.#services;
    const { ticket } = this.#order;
    if (ticket !== undefined) await tickets.turn(ticket, attempt);
    const units = this.#goods.reduce((sum, { quantity }) => sum + quantity, 0);
    const calls = [...inventory.reserve(this.#id, this.#goods), this.#note({ kind: "note reserved", units })];
    const planned = await planCalls(store, calls);
    const unwanted = planned.status === "rejected" && (await this.#wanted()) === "called off";
    const refused =
      planned.status === "rejected" ? await this.#rejected(unwanted ? "cancelled" : "out-of-stock") : undefined;
    const grant = ticket === undefined ? [] : [tickets.decided(ticket)];
    if (planned.status === "rejected" && refused !== undefined)
      return {
        result: { status: unwanted ? "called off" : "out of stock" },
        changes: [...refused.changes, ...grant],
        committed: refused.committed,
      };
    const { changes, committed } = accepted(planned);
    return { result: { status: "reserved" }, changes: [...changes, ...grant], committed };
  }

  async #release(result: Reservation): Promise<UndoCommit> {
    // Without a reservation the order was rejected in that very step.
    if (result.status !== "reserved") return { changes: [] };
    const { store, inventory } = this.#services;
    const planned = await planCertain(store, inventory.release(this.#id, this.#goods));
    const rejected = await this.#rejected(this.#reason);
    return {
      changes: [...planned.changes, ...inventory.returning(this.#goods), ...rejected.changes],
      committed: (outcome) => {
        planned.committed(outcome);
        rejected.committed(outcome);
      },
    };
  }

  async #charge(outcome: ChargeOutcome): Promise<CommitPlan<Charge>> {
    // Nobody calls off what a file says was bought; a read less for every order of a replay.
    const wanted = this.#order.ticket === undefined ? await this.#wanted() : "yes";
    const result = { ...outcome, wanted };
    if (outcome.status === "refused") return { result, changes: [] };
    const { store, payments } = this.#services;
    const { amountMinor } = this.#payment;
    const planned = await planCertain(store, [
      this.#note({ kind: "note charged", amountMinor, method: outcome.method }),
    ]);
    return {
      result,
      changes: [...payments.postCharge(this.#payment), ...planned.changes],
      committed: planned.committed,
    };
  }

  async #refund(result: Charge): Promise<UndoCommit> {
    if (result.status === "refused") return { changes: [] };
    const { store, payments } = this.#services;
    const refund = { ...this.#payment, id: this.#id };
    await payments.refund(refund);
    const planned = await planCertain(store, [this.#note({ kind: "note refunded", amountMinor: refund.amountMinor })]);
    return { changes: [...payments.postRefund(refund), ...planned.changes], committed: planned.committed };
  }

  async #ship(outcome: ParcelOutcome): Promise<CommitPlan<ParcelOutcome>> {
    if (outcome.status !== "sent") return { result: outcome, changes: [] };
    const planned = await planCertain(this.#services.store, [
      this.#note({ kind: "note sent", tracking: outcome.tracking }),
    ]);
    return { result: outcome, changes: planned.changes, committed: planned.committed };
  }

  async #recall(result: ParcelOutcome): Promise<UndoCommit> {
    if (result.status === "sent") await this.#services.shipping.recall(this.#id);
    return { changes: [] };
  }

  /** The sale, unless the customer was faster: the log decides who was first. */
  async #confirm(): Promise<CommitPlan<"confirmed" | "called off">> {
    const { store, inventory, notifications } = this.#services;
    const { lines, country, placedAt, totalMinor } = this.#order;
    const sale = { lines, country, placedAt, totalMinor };
    const calls = [...inventory.ship(this.#id, this.#goods), this.#note({ kind: "confirm", sale })];
    const planned = await planCalls(store, calls);
    if (planned.status === "rejected" && (await this.#wanted()) === "called off")
      return { result: "called off", changes: [] };
    const { changes, committed } = accepted(planned);
    const told = notifications.change("order-confirmed", { id: this.#id, to: this.#payment.payer });
    return {
      result: "confirmed",
      changes: [...changes, told, ...customerOrderChange(this.#id, this.#order)],
      committed,
    };
  }

  /** The end of an order that becomes no sale. */
  async #rejected(reason: Rejection): Promise<PlannedCommit> {
    const planned = await planCertain(this.#services.store, [this.#note({ kind: "reject", reason })]);
    const told = this.#services.notifications.change("order-rejected", { id: this.#id, to: this.#payment.payer });
    return { changes: [...planned.changes, told], committed: planned.committed };
  }

  async #wanted(): Promise<Order["wanted"]> {
    return (await this.#services.store.load(orderDecider, this.#id)).state.wanted;
  }

  /** Undoes what was done. Called off before the confirmation only: between steps nothing but their results may decide. */
  #callOff(): never {
    this.#reason = "cancelled";
    return this.#context.fail(this.#reason);
  }

  #note(command: OrderCommand): ShopCall {
    return { decider: orderDecider, id: this.#id, command };
  }
}

function accepted(planned: Awaited<ReturnType<typeof planCalls>>): Extract<typeof planned, { status: "accepted" }> {
  if (planned.status === "accepted") return planned;
  throw new TypeError("an accepted plan was expected");
}

/** Calls `work` until it succeeds, and not again: a plan that meets a conflict is asked anew, the outside world is not. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: { readonly value: T } | undefined;
  return async () => (done ??= { value: await work() }).value;
}
