import type { Clock } from "ashlar/clock";
import type { OrderView, ReturnView } from "../http/mod.ts";
import type { Client } from "./client.ts";
import { generatedOrder, type GeneratedOrder } from "./generated-order.ts";

export interface DriveOptions {
  readonly client: Client;
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

// The longest wait that the API offers.
const waitSeconds = 30;
const returnLookMs = 10;

/** Places orders through the API as customers would, each of them waiting for the end of the order before the next one. */
export async function driveOrders(options: DriveOptions): Promise<Batch> {
  const customers = Array.from({ length: Math.min(options.concurrency, options.count) }, () => customer);
  const drive = new Drive(options);
  await Promise.all(customers.map((shops) => shops(drive, options)));
  return drive.batch();
}

async function customer(drive: Drive, { client, clock, count, run, seed }: DriveOptions): Promise<void> {
  for (let n = drive.next(); n <= count; n = drive.next()) {
    const order = generatedOrder(seed, run, n);
    const startedMs = clock.monotonic();
    const ended = await placeAndWait(client, order, () => drive.placed());
    drive.ended(ended, clock.monotonic() - startedMs);
    if (order.wish === "return one item" && ended.status === "confirmed") {
      await returnOneItem(client, clock, { ended, key: order.key });
      drive.returned();
    }
  }
}

async function placeAndWait(client: Client, order: GeneratedOrder, placed: () => void): Promise<OrderView> {
  const answer = await client.post<OrderView>("/orders", { body: order.body, key: order.key });
  if (answer.status === "refused") throw new TypeError("the shop never refuses a well-formed order");
  placed();
  const path = `/orders/${answer.body.id}`;
  // Too late to cancel is an answer, too.
  if (order.wish === "cancel") await client.post(`${path}/cancel`, {});
  while (true) {
    const view = await client.get<OrderView>(`${path}?waitSeconds=${waitSeconds}`);
    if (view.status === "confirmed" || view.status === "rejected") return view;
  }
}

async function returnOneItem(
  client: Client,
  clock: Clock,
  { ended, key }: { readonly ended: OrderView; readonly key: string },
): Promise<void> {
  const [line] = ended.lines;
  if (line === undefined) return;
  const body = { items: [{ product: line.product, quantity: 1 }] };
  const answer = await client.post<ReturnView>(`/orders/${ended.id}/returns`, { body, key });
  if (answer.status === "refused") return;
  while ((await client.get<ReturnView>(`/returns/${answer.body.id}`)).status !== "closed")
    await clock.sleep(returnLookMs);
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
