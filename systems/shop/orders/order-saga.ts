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
import { callOf, planCalls, planCertain, type ShopCall } from "../planning.ts";
import type { ParcelOutcome, Shipping } from "../shipping/mod.ts";
import { customerOrderChange } from "./customer-orders.ts";
import { orderDecider, type Order, type OrderCommand, type PlacedOrder, type Rejection } from "./order.ts";
import type { PlacedOrders } from "./placed-orders.ts";
import type { Tickets } from "./tickets.ts";

/** What the saga of an order works with. */
export interface OrderServices {
  readonly store: EventStore;
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly shipping: Shipping;
  readonly notifications: Notifications;
  readonly tickets: Tickets;
  readonly placed: PlacedOrders;
}

/** An order on its way through the shop. Only its id: the run's record is written with every step, and stays small that way. */
export interface OrderInput {
  readonly id: string;
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
  return saga("order", rules, async ({ id }: OrderInput, context: SagaContext) => {
    return await new OrderRun(services, id, context).run();
  });
}

/** What the steps need to know of the order. */
interface Subject {
  readonly order: PlacedOrder;
  readonly goods: readonly Units[];
  readonly payment: Payment;
}

class OrderRun {
  readonly #services: OrderServices;
  readonly #id: string;
  readonly #context: SagaContext;
  /** Why the order ends, should it end now. */
  #reason: Rejection = "out-of-stock";
  #found: Subject | undefined;

  constructor(services: OrderServices, id: string, context: SagaContext) {
    this.#services = services;
    this.#id = id;
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
    const charge = once(async () => this.#services.payments.charge((await this.#subject()).payment));
    const charged = await step.commit("charge", async () => this.#charge(await charge()), {
      undoCommit: (result) => this.#refund(result),
    });
    if (charged.status === "refused" && charged.reason === "declined") this.#reason = "payment-declined";
    if (charged.status === "refused") this.#context.fail(this.#reason);
    if (charged.wanted === "called off") this.#callOff();

    this.#reason = "shipping-failed";
    const send = once(async () => this.#services.shipping.send(this.#id, (await this.#subject()).goods));
    const sent = await step.commit("ship", async () => this.#ship(await send()), {
      undoCommit: (result) => this.#recall(result),
    });
    if (sent.status === "refused") this.#context.fail(this.#reason);

    const end = await step.commit("confirm", () => this.#confirm());
    if (end === "called off") this.#callOff();
    return { confirmed: this.#id };
  }

  async #reserve(attempt: StepContext): Promise<CommitPlan<Reservation>> {
    const { order, goods } = await this.#subject();
    const { store, inventory, tickets } = this.#services;
    const { ticket } = order;
    if (ticket !== undefined) await tickets.turn(ticket, attempt);
    const units = goods.reduce((sum, { quantity }) => sum + quantity, 0);
    const calls = [...inventory.reserve(this.#id, goods), this.#note({ kind: "note reserved", units })];
    const planned = await planCalls(store, calls);
    const unwanted = planned.status === "rejected" && (await this.#wanted()) === "called off";
    const refused =
      planned.status === "rejected" ? await this.#rejected(unwanted ? "cancelled" : "out-of-stock") : undefined;
    const { changes, committed } = refused ?? accepted(planned);
    const status = unwanted ? "called off" : refused === undefined ? "reserved" : "out of stock";
    if (ticket === undefined) return { result: { status }, changes, committed };
    return {
      result: { status },
      changes: [...changes, tickets.decided(ticket)],
      committed: (outcome) => {
        committed(outcome);
        if (outcome.committed) tickets.granted(ticket);
      },
    };
  }

  async #release(result: Reservation): Promise<UndoCommit> {
    // Without a reservation the order was rejected in that very step.
    if (result.status !== "reserved") return { changes: [] };
    const { goods } = await this.#subject();
    const { store, inventory } = this.#services;
    const planned = await planCertain(store, inventory.release(this.#id, goods));
    const rejected = await this.#rejected(this.#reason);
    return {
      changes: [...planned.changes, ...inventory.returning(goods), ...rejected.changes],
      committed: (outcome) => {
        planned.committed(outcome);
        rejected.committed(outcome);
      },
    };
  }

  async #charge(outcome: ChargeOutcome): Promise<CommitPlan<Charge>> {
    const { order, payment } = await this.#subject();
    // Nobody calls off what a file says was bought; a read less for every order of a replay.
    const wanted = order.ticket === undefined ? await this.#wanted() : "yes";
    const result = { ...outcome, wanted };
    if (outcome.status === "refused") return { result, changes: [] };
    const { store, payments } = this.#services;
    const { amountMinor } = payment;
    const planned = await planCertain(store, [
      this.#note({ kind: "note charged", amountMinor, method: outcome.method }),
    ]);
    return {
      result,
      changes: [...payments.postCharge(payment), ...planned.changes],
      committed: planned.committed,
    };
  }

  async #refund(result: Charge): Promise<UndoCommit> {
    if (result.status === "refused") return { changes: [] };
    const { store, payments } = this.#services;
    const { payment } = await this.#subject();
    const refund = { ...payment, id: this.#id };
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
    const { order, goods, payment } = await this.#subject();
    const { store, inventory, notifications } = this.#services;
    const { lines, country, placedAt, totalMinor } = order;
    const sale = { lines, country, placedAt, totalMinor };
    const calls = [...inventory.dispatch(this.#id, goods), this.#note({ kind: "confirm", sale })];
    const planned = await planCalls(store, calls);
    if (planned.status === "rejected" && (await this.#wanted()) === "called off")
      return { result: "called off", changes: [] };
    const { changes, committed } = accepted(planned);
    const told = notifications.change("order-confirmed", { id: this.#id, to: payment.payer });
    return {
      result: "confirmed",
      changes: [...changes, told, ...customerOrderChange(this.#id, order)],
      committed,
    };
  }

  /** The end of an order that becomes no sale. */
  async #rejected(reason: Rejection): Promise<PlannedCommit> {
    const { payment } = await this.#subject();
    const planned = await planCertain(this.#services.store, [this.#note({ kind: "reject", reason })]);
    const told = this.#services.notifications.change("order-rejected", { id: this.#id, to: payment.payer });
    return { changes: [...planned.changes, told], committed: planned.committed };
  }

  /** Read inside steps only: a saga awaits nothing else. */
  async #subject(): Promise<Subject> {
    if (this.#found !== undefined) return this.#found;
    const order = await this.#services.placed.find(this.#id);
    const { customer: payer = this.#id, totalMinor: amountMinor, method } = order;
    const payment = { order: this.#id, payer, amountMinor, ...(method === undefined ? {} : { method }) };
    return (this.#found = { order, goods: goodsOf(order.lines), payment });
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
    return callOf(orderDecider, this.#id, command);
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
