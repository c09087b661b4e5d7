import type { EventStore } from "ashlar/events";
import { retryPlan } from "ashlar/queue";
import { saga, type CommitPlan, type SagaContext, type SagaDefinition } from "ashlar/saga";
import { goodsOf, type Inventory } from "../inventory/mod.ts";
import { sumMinor } from "../money.ts";
import { orderDecider } from "../orders/mod.ts";
import type { Notifications } from "../notifications/mod.ts";
import type { Payments, Refund } from "../payments/mod.ts";
import { callOf, planCertain } from "../planning.ts";
import { returnDecider, type ReturnPart } from "./return.ts";

export interface ReturnServices {
  readonly store: EventStore;
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly notifications: Notifications;
}

/** A return that found purchases. */
export interface ReturnInput {
  readonly id: string;
  readonly customer: string;
  readonly parts: readonly ReturnPart[];
}

export type ReturnSaga = SagaDefinition<ReturnInput, { readonly refundedMinor: number }>;

// A refund is never given up: nobody keeps money that is not theirs because a provider was out of order for a while.
const stepRetry = retryPlan({ attemptsMax: 1_000, firstMs: 5, capMs: 60_000 });

/** Gives the money back, then the goods to the shelf. There is nothing to undo: what came back is here. */
export function returnSaga(services: ReturnServices): ReturnSaga {
  const rules = { version: "1", retry: stepRetry, crashesMax: 1_000 };
  return saga("return", rules, async (input: ReturnInput, context: SagaContext) => {
    const refundedMinor = await context.step.commit("refund", () => refund(services, input));
    await context.step.commit("restock", () => restock(services, input));
    return { refundedMinor };
  });
}

async function refund({ payments, store }: ReturnServices, input: ReturnInput): Promise<CommitPlan<number>> {
  const refunds = await Promise.all(refundsOf(input).map((refund) => asPaid(store, refund)));
  await Promise.all(refunds.map((refund) => payments.refund(refund)));
  const amountMinor = sumMinor(refunds.map((refund) => refund.amountMinor));
  const command = { kind: "note refunded", amountMinor } as const;
  const planned = await planCertain(store, [callOf(returnDecider, input.id, command)]);
  const postings = refunds.flatMap((refund) => payments.postRefund(refund));
  return { result: amountMinor, changes: [...planned.changes, ...postings], committed: planned.committed };
}

async function restock(services: ReturnServices, input: ReturnInput): Promise<CommitPlan<null>> {
  const { inventory, notifications, store } = services;
  const goods = goodsOf(input.parts);
  const restocked = goods.reduce((sum, { quantity }) => sum + quantity, 0);
  const planned = await planCertain(store, [
    ...inventory.restock(input.id, goods),
    callOf(returnDecider, input.id, { kind: "close", restocked }),
  ]);
  const told = notifications.change("return-refunded", { id: input.id, to: input.customer });
  return {
    result: null,
    changes: [...planned.changes, ...inventory.returning(goods), told],
    committed: planned.committed,
  };
}

/** Money goes back the way it came. */
async function asPaid(store: EventStore, refund: Refund): Promise<Refund> {
  const { method } = (await store.load(orderDecider, refund.order)).state;
  return method === undefined ? refund : { ...refund, method };
}

/** One refund for each order that something came back from: that is what was paid. */
function refundsOf({ id, customer, parts }: ReturnInput): readonly Refund[] {
  const byOrder = new Map<string, number>();
  for (const { order, amountMinor } of parts) byOrder.set(order, (byOrder.get(order) ?? 0) + amountMinor);
  return Array.from(byOrder, ([order, amountMinor]) => ({
    id: `${id}-of-${order}`,
    order,
    payer: customer,
    amountMinor,
  }));
}
