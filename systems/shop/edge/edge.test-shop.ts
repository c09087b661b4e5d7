import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import type { Running } from "ashlar/service";
import { catalog, inventory } from "../contracts/mod.ts";
import type { FaultMode } from "../outside/mod.ts";
import { runShop } from "../shop-run.ts";
import { openEdge } from "./edge.ts";

/** A shop behind HTTP with three products, 100 of each in stock: MUG-1 and BOWL-1 at 2.50, PLATE-1 at 0.125. */
export interface TestShop extends AsyncDisposable {
  readonly shop: Running;
  readonly url: string;
  /** Lines of the log of refusals, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  call(method: string, path: string, options?: CallOptions): Promise<Answered>;
  /** Places an order for one MUG-1, or what is given, and returns its id. */
  order(more?: object): Promise<string>;
  /** Waits for the end of an order. */
  ended(id: string): Promise<Answered["body"]>;
}

export interface CallOptions {
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of all shapes, and a wrong look fails the test
  readonly body: any;
}

export const goodOrder: object = {
  customer: "anna",
  country: "France",
  items: [{ product: "MUG-1", quantity: 1 }],
  payment: { method: "card" },
};

/** Opens everything in a folder of its own, which is removed at the end. */
export async function openTestShop(options: { readonly faults?: FaultMode } = {}): Promise<TestShop> {
  const data = await mkdtemp(join(tmpdir(), "shop-edge-"));
  const log: Readonly<Record<string, unknown>>[] = [];
  let url = "";
  const { faults = "none" } = options;
  const shop = await runShop(
    { data, faults, seed: 1, stock: "tight", sale: "at once", durability: "process" },
    {
      spread: "off",
      log: () => undefined,
      async entrance({ system, dispatcher, health }) {
        const line = (fields: Readonly<Record<string, unknown>>): void => void log.push(fields);
        const edge = await openEdge({ system, dispatcher, health, port: 0, clock: systemClock, log: line });
        ({ url } = edge);
        return edge;
      },
    },
  );
  await fill(shop);
  const call: TestShop["call"] = (method, path, more) => send(url + path, { method, ...more });
  return {
    shop,
    url,
    log,
    call,
    async order(more = {}) {
      const { body, status, text } = await call("POST", "/orders", { json: { ...goodOrder, ...more } });
      if (status !== 202) throw new Error(text);
      return body.id;
    },
    ended: async (id) => (await call("GET", `/orders/${id}?waitSeconds=10`)).body,
    async [Symbol.asyncDispose]() {
      await shop[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function fill(shop: Running): Promise<void> {
  const products = [
    { code: "MUG-1", name: "Blue mug", price: 25_000 },
    { code: "BOWL-1", name: "Blue bowl", price: 25_000 },
    { code: "PLATE-1", name: "Plate", price: 1_250 },
  ];
  await shop.client(catalog).sight({ products });
  await shop.client(inventory).topUp({ shelves: products.map(({ code }) => ({ code, quantity: 100 })) });
}

async function send(url: string, { method, json, headers }: CallOptions & { method: string }): Promise<Answered> {
  const body = typeof json === "string" ? json : JSON.stringify(json);
  const type = json === undefined ? {} : { "content-type": "application/json" };
  const init = { method, headers: { ...type, ...headers }, ...(json === undefined ? {} : { body: body ?? "" }) };
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? JSON.parse(text) : undefined,
  };
}
