import type { Client } from "ashlar/contract";
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
import type { Emit } from "ashlar/service";
import type { inventory, orders, payments, shipping } from "../contracts/mod.ts";
import { type Units, goodsOf } from "../goods.ts";
import type { PlannedCommit } from "../commit-loop.ts";
import { callOf, planCalls, planCertain, type ShopCall, type ShopPlan } from "../planning.ts";
import { customerOrderChange } from "./customer-orders.ts";
import type { OrderWatch } from "./order-watch.ts";
import { orderDecider, type Order, type OrderCommand, type PlacedOrder, type Rejection } from "./order.ts";
import type { PlacedOrders } from "./placed-orders.ts";

/** What the sagas of orders and returns work with. */
export interface Neighbours {
  readonly inventory: Client<typeof inventory>;
  readonly payments: Client<typeof payments>;
  readonly shipping: Client<typeof shipping>;
}

export interface OrderSagaOptions {
  readonly store: EventStore;
  readonly needs: Neighbours;
  readonly emit: Emit<(typeof orders)["events"]>;
  readonly placed: PlacedOrders;
  readonly watch: OrderWatch;
}

/** An order on its way through the shop. Only its id: the run's record is written with every step, and stays small that way. */
export interface OrderInput {
  readonly id: string;
}

export type OrderSaga = SagaDefinition<OrderInput, { readonly confirmed: string }>;

type Reservation = { readonly status: "reserved" | "out of stock" | "called off" };
type ChargeAnswer = Awaited<ReturnType<Neighbours["payments"]["charge"]>>;
type ParcelAnswer = Awaited<ReturnType<Neighbours["shipping"]["send"]>> | { readonly status: "no parcel" };

/** What payments said, and whether the customer still wanted the order when that was recorded. */
type Charge = ChargeAnswer & { readonly wanted: Order["wanted"] };

/** Nothing is given up because a neighbour is away, however long: what it answers decides, and it answers when it is back. An order that ended
 *  while nobody knew whether it was charged would keep the customer's money. */
export const neighbourRetry = retryPlan({ attemptsMax: 1_000_000, firstMs: 20, capMs: 60_000 });

/** A process that is killed again and again is not the order's fault. */
export const crashesMax = 1_000;

/**
 * Reserve, charge, ship, confirm, dispatch; undone by release, refund, recall. Each step asks one neighbour, under the order's name so that a repeat gets
 * the first answer, and commits what it means for the order together with the step's journal.
 */
export function orderSaga(options: OrderSagaOptions): OrderSaga {
  const rules = { version: "1", retry: neighbourRetry, crashesMax };
  return saga("order", rules, async ({ id }: OrderInput, context: SagaContext) => {
    return await new OrderRun(options, id, context).run();
  });
}

/** What the steps need to know of the order. */
interface Subject {
  readonly order: PlacedOrder;
  readonly goods: readonly Units[];
  readonly payment: Parameters<Neighbours["payments"]["charge"]>[0];
}

class OrderRun {
  readonly #options: OrderSagaOptions;
  readonly #id: string;
  readonly #context: SagaContext;
  /** Why the order ends, should it end now. */
  #reason: Rejection = "out-of-stock";
  #found: Subject | undefined;

  constructor(options: OrderSagaOptions, id: string, context: SagaContext) {
    this.#options = options;
    this.#id = id;
    this.#context = context;
  }

  async run(): Promise<{ readonly confirmed: string }> {
    const { step } = this.#context;
    const { inventory } = this.#options.needs;
    const reserve = once((attempt) => this.#reserve(attempt));
    const reserved = await step.commit("reserve", async (attempt) => this.#reserved(await reserve(attempt)), {
      undoCommit: (result, attempt) => this.#release(result, attempt),
    });
    if (reserved.status === "called off") this.#callOff();
    if (reserved.status === "out of stock") this.#context.fail(this.#reason);

    this.#reason = "payment-failed";
    const charge = once((attempt) => this.#charge(attempt));
    const charged = await step.commit("charge", async (attempt) => this.#charged(await charge(attempt)), {
      undoCommit: (result, attempt) => this.#refund(result, attempt),
    });
    if (charged.status === "refused" && charged.reason === "declined") this.#reason = "payment-declined";
    if (charged.status === "refused") this.#context.fail(this.#reason);
    if (charged.wanted === "called off") this.#callOff();

    this.#reason = "shipping-failed";
    const send = once((attempt) => this.#send(attempt));
    const sent = await step.commit("ship", async (attempt) => this.#sent(await send(attempt)), {
      undoCommit: (result, attempt) => this.#recall(result, attempt),
    });
    if (sent.status === "refused") this.#context.fail(this.#reason);

    const end = await step.commit("confirm", () => this.#confirm());
    if (end === "called off") this.#callOff();
    // Sold is sold: that the goods leave is told to the inventory until it knows.
    await step("dispatch", ({ signal }) => inventory.dispatch({ order: this.#id }, { signal }));
    return { confirmed: this.#id };
  }

  async #reserve({ signal }: StepContext): Promise<"reserved" | "out of stock"> {
    const { order, goods } = await this.#subject();
    const { ticket } = order;
    const turn = ticket === undefined ? {} : { ticket };
    const input = { order: this.#id, goods: [...goods], ...turn };
    return (await this.#options.needs.inventory.reserve(input, { signal })).status;
  }

  async #reserved(status: "reserved" | "out of stock"): Promise<CommitPlan<Reservation>> {
    if (status === "out of stock") return { result: { status }, ...(await this.#rejected("out-of-stock")) };
    const { goods } = await this.#subject();
    const units = goods.reduce((sum, { quantity }) => sum + quantity, 0);
    const planned = await this.#plan({ kind: "note reserved", units });
    if (planned.status === "accepted") return { result: { status }, ...planned };
    await this.#calledOff();
    return { result: { status: "called off" }, changes: [] };
  }

  async #release(result: Reservation, { signal }: StepContext): Promise<UndoCommit> {
    // Without a reservation the order was rejected in that very step.
    if (result.status === "out of stock") return { changes: [] };
    await this.#options.needs.inventory.release({ order: this.#id }, { signal });
    return await this.#rejected(this.#reason);
  }

  async #charge({ signal }: StepContext): Promise<ChargeAnswer> {
    return await this.#options.needs.payments.charge((await this.#subject()).payment, { signal });
  }

  async #charged(answer: ChargeAnswer): Promise<CommitPlan<Charge>> {
    const { order, payment } = await this.#subject();
    // Nobody calls off what a file says was bought; a read less for every order of a replay.
    const wanted = order.ticket === undefined ? await this.#wanted() : "yes";
    const result = { ...answer, wanted };
    if (answer.status === "refused") return { result, changes: [] };
    const { amountMinor } = payment;
    return { result, ...(await this.#certain({ kind: "note charged", amountMinor, method: answer.method })) };
  }

  async #refund(result: Charge, { signal }: StepContext): Promise<UndoCommit> {
    if (result.status === "refused") return { changes: [] };
    const { payment } = await this.#subject();
    await this.#options.needs.payments.refund({ ...payment, id: this.#id }, { signal });
    return await this.#certain({ kind: "note refunded", amountMinor: payment.amountMinor });
  }

  async #send({ signal }: StepContext): Promise<ParcelAnswer> {
    const { goods } = await this.#subject();
    // An order of charges only has nothing to carry.
    if (goods.length === 0) return { status: "no parcel" };
    const units = goods.reduce((sum, { quantity }) => sum + quantity, 0);
    return await this.#options.needs.shipping.send({ order: this.#id, units }, { signal });
  }

  async #sent(answer: ParcelAnswer): Promise<CommitPlan<ParcelAnswer>> {
    if (answer.status !== "sent") return { result: answer, changes: [] };
    return { result: answer, ...(await this.#certain({ kind: "note sent", tracking: answer.tracking })) };
  }

  async #recall(result: ParcelAnswer, { signal }: StepContext): Promise<UndoCommit> {
    if (result.status === "sent") await this.#options.needs.shipping.recall({ order: this.#id }, { signal });
    return { changes: [] };
  }

  /** The sale, unless the customer was faster: the log decides who was first. */
  async #confirm(): Promise<CommitPlan<"confirmed" | "called off">> {
    const { order, payment } = await this.#subject();
    const { lines, country, placedAt, totalMinor } = order;
    const planned = await this.#plan({ kind: "confirm" });
    if (planned.status === "rejected") {
      await this.#calledOff();
      return { result: "called off", changes: [] };
    }
    const { emit } = this.#options;
    const ended = emit.ended({ status: "confirmed", order: this.#id, to: payment.payer });
    const sold = emit.sold({ order: this.#id, lines: [...lines], country, placedAt, totalMinor });
    // One append, because both are of the order's stream.
    const told = { ...ended, events: [...ended.events, ...sold.events] };
    const changes = [...planned.changes, told, ...customerOrderChange(this.#id, order)];
    return { result: "confirmed", changes, committed: planned.committed };
  }

  /** The end of an order that becomes no sale. */
  async #rejected(reason: Rejection): Promise<PlannedCommit> {
    const { payment } = await this.#subject();
    const planned = await this.#certain({ kind: "reject", reason });
    const ended = this.#options.emit.ended({ status: "rejected", order: this.#id, to: payment.payer, reason });
    return { changes: [...planned.changes, ended], committed: planned.committed };
  }

  /** Read inside steps only: a saga awaits nothing else. */
  async #subject(): Promise<Subject> {
    if (this.#found !== undefined) return this.#found;
    const order = await this.#options.placed.find(this.#id);
    const { customer: payer = this.#id, totalMinor: amountMinor, method } = order;
    const payment = { order: this.#id, payer, amountMinor, ...(method === undefined ? {} : { method }) };
    return (this.#found = { order, goods: goodsOf(order.lines), payment });
  }

  async #wanted(): Promise<Order["wanted"]> {
    return (await this.#options.store.load(orderDecider, this.#id)).state.wanted;
  }

  /** A note can only be refused because the order was called off; anything else is a bug. */
  async #calledOff(): Promise<void> {
    if ((await this.#wanted()) !== "called off") throw new TypeError(`order ${this.#id} takes no note and is wanted`);
  }

  /** Undoes what was done. Called off before the confirmation only: between steps nothing but their results may decide. */
  #callOff(): never {
    this.#reason = "cancelled";
    return this.#context.fail(this.#reason);
  }

  async #plan(command: OrderCommand): Promise<ShopPlan> {
    return this.#watched(await planCalls(this.#options.store, [this.#note(command)]));
  }

  async #certain(command: OrderCommand): Promise<Extract<ShopPlan, { status: "accepted" }>> {
    return this.#watched(await planCertain(this.#options.store, [this.#note(command)]));
  }

  /** Whoever follows the order is told once it is committed. */
  #watched<P extends ShopPlan>(planned: P): P {
    if (planned.status === "rejected") return planned;
    const { watch } = this.#options;
    return {
      ...planned,
      committed: (result: { readonly committed: boolean }) => {
        planned.committed(result);
        if (result.committed) watch.changed(this.#id);
      },
    };
  }

  #note(command: OrderCommand): ShopCall {
    return callOf(orderDecider, this.#id, command);
  }
}

/** Asks until there is an answer, and not again: a plan that meets a conflict is asked anew, the neighbour is not. */
function once<T>(work: (attempt: StepContext) => Promise<T>): (attempt: StepContext) => Promise<T> {
  let done: { readonly value: T } | undefined;
  return async (attempt) => (done ??= { value: await work(attempt) }).value;
}
