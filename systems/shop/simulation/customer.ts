import type { Clock } from "ashlar/clock";
import { type Client, isFailure } from "ashlar/contract";
import { isRetryable } from "ashlar/errors";
import type { Random } from "ashlar/random";
import { orders } from "../contracts/mod.ts";
import { generatedOrder } from "../live/mod.ts";

const thinkMs = { least: 500, most: 20_000 };
const againMs = 400;

/** What customers were told, to be held against what the shop says in the end. */
export interface Promised {
  /** Orders that were accepted, and what their customer asked for. */
  readonly orders: Map<string, number>;
  readonly returns: Set<string>;
}

/** One customer after another until the world is healed: each insists with the same key until the shop has answered. */
export async function shopUntil(
  healed: AbortSignal,
  customer: {
    readonly run: number;
    readonly client: Client<typeof orders>;
    readonly clock: Clock;
    readonly random: Random;
  },
  promised: Promised,
): Promise<void> {
  const { client, clock, random, run } = customer;
  for (let n = 1; !healed.aborted; n++) {
    const { body, key, wish } = generatedOrder(run, run, n);
    const order = await insist(clock, () => client.place(body, { key }));
    promised.orders.set(order.id, order.totalMinor);
    if (wish === "cancel") await insist(clock, () => cancel(client, order.id));
    if (wish === "return one item") await returnOne({ client, clock, key, id: order.id }, promised);
    await clock.sleep(thinkMs.least + random.next() * (thinkMs.most - thinkMs.least));
  }
}

async function cancel(client: Client<typeof orders>, id: string): Promise<void> {
  try {
    await client.cancel({ id });
  } catch (error) {
    // Too late to cancel is an answer, too.
    if (!isFailure(error, orders.calls.cancel, "tooLate")) throw error;
  }
}

async function returnOne(
  order: { readonly client: Client<typeof orders>; readonly clock: Clock; readonly key: string; readonly id: string },
  promised: Promised,
): Promise<void> {
  const { client, clock, id, key } = order;
  const [line] = (await insist(clock, () => client.get({ id, waitSeconds: 20 }))).lines;
  if (line === undefined) return;
  const items = [{ product: line.product, quantity: 1 }];
  try {
    const accepted = await insist(clock, () => client.requestReturn({ order: id, items }, { key }));
    promised.returns.add(accepted.id);
  } catch (error) {
    // An order that was rejected, or is still open, has nothing to give back.
    if (!isFailure(error, orders.calls.requestReturn, "notReturnable")) throw error;
  }
}

/** Does again, with the same key, what may be done again. */
export async function insist<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isRetryable(error)) throw error;
    }
    await clock.sleep(againMs);
  }
}
