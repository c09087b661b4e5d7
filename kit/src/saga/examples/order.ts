// An order as a saga: reserve, charge, ship; undone in reverse when something fails for good.
import type { Engine } from "../../engine/mod.ts";
import { retryPlan } from "../../queue/mod.ts";
import { openSagas, saga, type RunOutcome, type SagaDefinition } from "../mod.ts";

export interface Order {
  readonly sku: string;
  readonly totalMinor: number;
}

/** The world outside. Every call carries a key, and does its effect once per key. */
export interface Services {
  reserve(sku: string, key: string): Promise<{ readonly hold: string }>;
  release(hold: string): Promise<void>;
  charge(totalMinor: number, key: string): Promise<{ readonly payment: string }>;
  refund(payment: string, key: string): Promise<void>;
  ship(hold: string, key: string): Promise<{ readonly parcel: string }>;
}

function orderSaga(services: Services): SagaDefinition<Order, { readonly parcel: string }> {
  const retry = retryPlan({ attemptsMax: 3, firstMs: 10 });
  return saga("order", { version: "1", retry }, async (order: Order, { step, fail }) => {
    if (order.totalMinor <= 0) fail("nothing to pay");
    const { hold } = await step("reserve", ({ key }) => services.reserve(order.sku, key), {
      undo: (reserved) => services.release(reserved.hold),
    });
    await step("charge", ({ key }) => services.charge(order.totalMinor, key), {
      undo: (paid, { key }) => services.refund(paid.payment, key),
    });
    return await step("ship", ({ key }) => services.ship(hold, key));
  });
}

/** Places one order and waits for its end. Asked again with the same id, it gives the same end and does nothing. */
export async function place(
  engine: Engine,
  services: Services,
  placed: { readonly id: string; readonly order: Order },
): Promise<RunOutcome<{ readonly parcel: string }>> {
  const definition = orderSaga(services);
  await using sagas = await openSagas({ engine, sagas: [definition] });
  const run = await sagas.start(definition, placed.id, placed.order);
  return await run.result({ withinMs: 10_000 });
}
