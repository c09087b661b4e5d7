import type { Clock } from "ashlar/clock";
import { isFailure, OutcomeUnknownError, type Client } from "ashlar/contract";
import { type OrderView, orders } from "../contracts/mod.ts";
import { hasEnded } from "../orders/mod.ts";
import { generatedOrder, type GeneratedOrder } from "./generated-order.ts";
import { patient } from "./patient.ts";

type OrdersClient = Client<typeof orders>;

export interface DriveOptions {
  readonly client: OrdersClient;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly seed: number;
  readonly run: number;
  /** Orders to place. */
  readonly count: number;
  /** Customers who shop at the same time. */
  readonly concurrency: number;
  readonly onProgress: (batch: Batch) => void;
}

/** How a stream of orders fared. */
export interface Batch {
  readonly count: number;
  readonly placed: number;
  readonly confirmed: number;
  /** By reason. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly returned: number;
  readonly seconds: number;
  /** From the request of an order to its end as its customer sees it, in ms, unordered. */
  readonly latenciesMs: readonly number[];
  readonly confirmedOrder: OrderView | undefined;
  readonly rejectedOrder: OrderView | undefined;
}

const returnLookMs = 10;

/** Places orders through the API as customers would, each of them waiting for the end of the order before the next one. */
export async function driveOrders(options: DriveOptions): Promise<Batch> {
  const customers = Array.from({ length: Math.min(options.concurrency, options.count) }, () => customer);
  const drive = new Drive(options);
  await Promise.all(customers.map((shops) => shops(drive, options)));
  return drive.batch();
}

async function customer(drive: Drive, options: DriveOptions): Promise<void> {
  const { clock, count, run, seed } = options;
  for (let n = drive.next(); n <= count; n = drive.next()) {
    const order = generatedOrder(seed, run, n);
    const startedMs = clock.monotonic();
    const ended = await placeAndFollow(options, order, () => drive.placed());
    drive.ended(ended, clock.monotonic() - startedMs);
    if (order.wish === "return one item" && ended.status === "confirmed") {
      await returnOneItem(options, ended, order.key);
      drive.returned();
    }
  }
}

async function placeAndFollow(options: DriveOptions, order: GeneratedOrder, placed: () => void): Promise<OrderView> {
  const { client } = options;
  const { id } = await patient(options, () => client.place(order.body, { key: order.key }));
  placed();
  if (order.wish === "cancel") await patient(options, () => cancel(client, id));
  return await patient(options, () => follow(options, id));
}

async function cancel(client: OrdersClient, id: string): Promise<void> {
  try {
    await client.cancel({ id });
  } catch (error) {
    // Too late to cancel is an answer, too.
    if (!isFailure(error, orders.calls.cancel, "tooLate")) throw error;
  }
}

/** Listens to the order until it has ended. */
async function follow({ client, signal }: DriveOptions, id: string): Promise<OrderView> {
  for await (const view of client.track({ id }, { signal })) if (hasEnded(view)) return view;
  signal.throwIfAborted();
  throw new OutcomeUnknownError("orders.track", "allowed");
}

async function returnOneItem(options: DriveOptions, { id: order, lines }: OrderView, key: string): Promise<void> {
  const { client, clock, signal } = options;
  const [line] = lines;
  if (line === undefined) return;
  const items = [{ product: line.product, quantity: 1 }];
  const { id } = await patient(options, () => client.requestReturn({ order, items }, { key }));
  while ((await patient(options, () => client.getReturn({ id }))).status !== "closed")
    await clock.sleep(returnLookMs, { signal });
}

class Drive {
  readonly #options: DriveOptions;
  readonly #startedMs: number;
  readonly #rejected: Map<string, number> = new Map();
  readonly #latenciesMs: number[] = [];
  #taken = 0;
  #placed = 0;
  #confirmed = 0;
  #returned = 0;
  #confirmedOrder: OrderView | undefined;
  #rejectedOrder: OrderView | undefined;

  constructor(options: DriveOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  next(): number {
    this.#taken += 1;
    return this.#taken;
  }

  placed(): void {
    this.#placed += 1;
    this.#options.onProgress(this.batch());
  }

  ended(order: OrderView, latencyMs: number): void {
    this.#latenciesMs.push(latencyMs);
    if (order.status === "confirmed") {
      this.#confirmed += 1;
      this.#confirmedOrder ??= order;
    } else {
      const reason = order.reason ?? "unknown";
      this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1);
      this.#rejectedOrder ??= order;
    }
    this.#options.onProgress(this.batch());
  }

  returned(): void {
    this.#returned += 1;
  }

  batch(): Batch {
    return {
      count: this.#options.count,
      placed: this.#placed,
      confirmed: this.#confirmed,
      rejected: this.#rejected,
      returned: this.#returned,
      seconds: (this.#options.clock.monotonic() - this.#startedMs) / 1_000,
      latenciesMs: this.#latenciesMs,
      confirmedOrder: this.#confirmedOrder,
      rejectedOrder: this.#rejectedOrder,
    };
  }
}
