import type { Clock } from "ashlar/clock";
import { isRetryable } from "ashlar/errors";
import { analytics, notifications, orders } from "./contracts/mod.ts";
import type { ShopClients } from "./shop-clients.ts";

/** Between two looks at something that is coming to its end. */
const lookMs = 5;
/** A service that is being started again is there by then. */
const patienceMs = 60_000;
const againMs = 200;

/** Resolves when nothing is on its way any more: orders and returns have ended, customers are told, sales are counted.
 *  `withinMs`: resolves then in any case, as `waiting`, for a person's decision or a company of the outside world may be needed. Rejects with the
 *  signal's reason. */
export async function atRest(
  shop: ShopClients,
  { clock, signal, withinMs = Infinity }: { clock: Clock; signal?: AbortSignal; withinMs?: number },
): Promise<"at rest" | "waiting"> {
  const untilMs = clock.monotonic() + withinMs;
  while (clock.monotonic() < untilMs) {
    if (await patiently(clock, () => isAtRest(shop))) return "at rest";
    await clock.sleep(lookMs, { signal });
  }
  return "waiting";
}

async function isAtRest(shop: ShopClients): Promise<boolean> {
  const { ordersOpen, returnsOpen, correctionsOpen, events } = await shop.client(orders).status({});
  if (ordersOpen + returnsOpen + correctionsOpen > 0) return false;
  const heard = [await shop.client(notifications).status({}), await shop.client(analytics).status({})];
  return heard.every(({ through, waiting }) => through >= events && waiting === 0);
}

/** Does again what failed because a service was away. For what may be done twice. Rejects with the last error after a minute. */
export async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const untilMs = clock.monotonic() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isRetryable(error) || clock.monotonic() > untilMs) throw error;
    }
    await clock.sleep(againMs);
  }
}
