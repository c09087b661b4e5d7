import type { Client } from "ashlar/contract";
import type { Clock } from "ashlar/clock";
import { isFailure } from "ashlar/contract";
import { KitError } from "ashlar/errors";
import { type ImportState, catalog, orders } from "../contracts/mod.ts";
import { patiently } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";
import { classifyInvoice, type ClassifiedInvoice, type InvoiceGroup } from "./classify-invoice.ts";
import { asRepeated, importOf } from "./import-of.ts";

/** Another process imports into the same data, or the same file was begun with other settings. */
class ReplayConflictError extends KitError {
  readonly code = "REPLAY_CONFLICT";
  readonly retryable = false;
}

export interface SenderOptions {
  readonly shop: ShopClients;
  readonly clock: Clock;
  /** The file as its content identifies it, and its name for people. */
  readonly file: { readonly id: string; readonly name: string };
  /** Names this run of a replay among others. */
  readonly importer: string;
}

/** Invoices and lines that are sent together at most. */
const batchMax = 64;
const batchLinesMax = 4_000;
/** Products that were told; a product that is forgotten is told again. */
const sightedMax = 50_000;

/** Sends the invoices of a file to the orders, in their order. Whatever fails because a service is away is sent again: the orders know how
 *  far the file is. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #orders: Client<typeof orders>;
  readonly #catalog: Client<typeof catalog>;
  readonly #sighted = new Set<string>();
  #state: ImportState;
  #ordersPlaced = 0;
  #batch: ClassifiedInvoice[] = [];
  #batchLines = 0;

  private constructor(options: SenderOptions, state: ImportState) {
    this.#options = options;
    this.#orders = options.shop.client(orders);
    this.#catalog = options.shop.client(catalog);
    this.#state = state;
  }

  /** Finds out where the import stands. Throws {@link ReplayConflictError} when it was begun with other settings. */
  static async open(options: SenderOptions): Promise<Sender> {
    const { clock, file, importer, shop } = options;
    const begin = { file: file.id, importer, name: file.name };
    const state = await explained("beginImport", () =>
      patiently(clock, () => shop.client(orders).beginImport(begin, { affinity: file.id })),
    );
    return new Sender(options, state);
  }

  get state(): ImportState {
    return this.#state;
  }

  /** Invoices of the file that are imported or gathered. */
  get invoices(): number {
    return this.#state.groups + this.#batch.length;
  }

  /** Orders placed by this run. */
  get ordersPlaced(): number {
    return this.#ordersPlaced;
  }

  /** Takes the next invoice. Resolves when it is gathered or durable. */
  async add(group: InvoiceGroup): Promise<void> {
    if (this.#batchLines + group.lines.length > batchLinesMax) await this.flush();
    this.#batch.push(classifyInvoice(group));
    this.#batchLines += group.lines.length;
    if (this.#batch.length >= batchMax) await this.flush();
  }

  /** Sends what was gathered. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchLines = 0;
    await this.#sight(batch);
    const after = this.#state.groups;
    const invoices = batch.map(importOf);
    while (this.#state.groups < after + batch.length) {
      const done = this.#state.groups - after;
      const { state, repeated } = await this.#send(after + done, invoices.slice(done));
      this.#state = state;
      const at = repeated === undefined ? undefined : done + repeated;
      const found = at === undefined ? undefined : batch[at];
      if (at !== undefined && found !== undefined) invoices[at] = asRepeated(found);
    }
    this.#ordersPlaced += invoices.filter(({ meaning }) => meaning.kind === "order" && meaning.lines.length > 0).length;
  }

  /** Waits until everything has ended. */
  async finish(end: "limit" | "end of file"): Promise<void> {
    await this.flush();
    const { clock, file, importer } = this.#options;
    const request = { file: file.id, importer, end: end === "limit" ? "ahead" : "reached" } as const;
    this.#state = await explained("finishImport", () =>
      patiently(clock, () => this.#orders.finishImport(request, { affinity: file.id })),
    );
  }

  #send(after: number, invoices: readonly ReturnType<typeof importOf>[]) {
    const { clock, file, importer } = this.#options;
    const request = { file: file.id, importer, after, invoices: [...invoices] };
    // To the process that has the import at hand, while it lives.
    const settings = { affinity: file.id };
    return explained("importInvoices", () => patiently(clock, () => this.#orders.importInvoices(request, settings)));
  }

  /** Before the orders, so that a page of a product is there when its first order is. */
  async #sight(batch: readonly ClassifiedInvoice[]): Promise<void> {
    const products = new Map<string, { code: string; name: string; price: number }>();
    for (const { accepted } of batch) {
      for (const { code, description: name, price } of accepted) {
        if (this.#sighted.has(code) || products.get(code)?.name) continue;
        products.set(code, { code, name, price: products.get(code)?.price ?? price });
      }
    }
    if (products.size === 0) return;
    await patiently(this.#options.clock, () => this.#catalog.sight({ products: [...products.values()] }));
    if (this.#sighted.size > sightedMax) this.#sighted.clear();
    for (const { code, name } of products.values()) if (name !== "") this.#sighted.add(code);
  }
}

async function explained<T>(
  call: "beginImport" | "importInvoices" | "finishImport",
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFailure(error, orders.calls[call], "conflict"))
      throw new ReplayConflictError(error.data.reason, { cause: error });
    throw error;
  }
}
