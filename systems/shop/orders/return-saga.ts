import type { EventStore } from "ashlar/events";
import { saga, type CommitPlan, type SagaContext, type SagaDefinition } from "ashlar/saga";
import { goodsOf } from "../goods.ts";
import { sumMinor } from "../money.ts";
import { callOf, planCertain } from "../planning.ts";
import { crashesMax, neighbourRetry, type Neighbours, type OrderSagaOptions } from "./order-saga.ts";
import { orderDecider } from "./order.ts";
import { returnDecider, type ReturnPart } from "./return.ts";

export type ReturnSagaOptions = Pick<OrderSagaOptions, "store" | "needs" | "emit">;

/** A return that found purchases. */
export interface ReturnInput {
  readonly id: string;
  readonly customer: string;
  readonly parts: readonly ReturnPart[];
}

export type ReturnSaga = SagaDefinition<ReturnInput, { readonly refundedMinor: number }>;

/** Gives the money back, then the goods to the shelf. There is nothing to undo: what came back is here. Never given up: nobody keeps money
 *  that is not theirs because a provider was out of order for a while. */
export function returnSaga(options: ReturnSagaOptions): ReturnSaga {
  const rules = { version: "1", retry: neighbourRetry, crashesMax };
  return saga("return", rules, async (input: ReturnInput, context: SagaContext) => {
    const refundedMinor = await context.step.commit("refund", ({ signal }) => refund(options, input, signal));
    await context.step.commit("restock", ({ signal }) => restock(options, input, { refundedMinor, signal }));
    return { refundedMinor };
  });
}

async function refund(
  { needs, store }: ReturnSagaOptions,
  input: ReturnInput,
  signal: AbortSignal,
): Promise<CommitPlan<number>> {
  const refunds = await Promise.all(refundsOf(input).map((refund) => asPaid(store, refund)));
  await Promise.all(refunds.map((refund) => needs.payments.refund(refund, { signal })));
  const amountMinor = sumMinor(refunds.map((refund) => refund.amountMinor));
  const command = { kind: "note refunded", amountMinor } as const;
  const { changes, committed } = await planCertain(store, [callOf(returnDecider, input.id, command)]);
  return { result: amountMinor, changes, committed };
}

async function restock(
  { emit, needs, store }: ReturnSagaOptions,
  { customer, id, parts }: ReturnInput,
  { refundedMinor, signal }: { readonly refundedMinor: number; readonly signal: AbortSignal },
): Promise<CommitPlan<null>> {
  const goods = goodsOf(parts);
  await needs.inventory.restock({ return: id, goods: [...goods] }, { signal });
  const restocked = goods.reduce((sum, { quantity }) => sum + quantity, 0);
  const planned = await planCertain(store, [callOf(returnDecider, id, { kind: "close", restocked })]);
  const told = emit.refunded({ return: id, to: customer, amountMinor: refundedMinor });
  return { result: null, changes: [...planned.changes, told], committed: planned.committed };
}

type Refund = Parameters<Neighbours["payments"]["refund"]>[0];

/** Money goes back the way it came. */
async function asPaid(store: EventStore, refund: Refund): Promise<Refund> {
  const { method } = (await store.load(orderDecider, refund.order)).state;
  return method === undefined ? refund : { ...refund, method };
}

/** One refund for each order that something came back from: that is what was paid. */
export function refundsOf({ id, customer, parts }: ReturnInput): readonly Refund[] {
  const byOrder = new Map<string, number>();
  for (const { order, amountMinor } of parts) byOrder.set(order, (byOrder.get(order) ?? 0) + amountMinor);
  return Array.from(byOrder, ([order, amountMinor]) => ({
    id: `${id}-of-${order}`,
    order,
    payer: customer,
    amountMinor,
  }));
}
