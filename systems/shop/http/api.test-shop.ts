import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import { idSource, seededRandom } from "ashlar/random";
import { stockDecider } from "../inventory/mod.ts";
import { openOutside, type FaultMode } from "../outside/mod.ts";
import { createShop, type Shop } from "../shop.ts";
import { createApi, type Api } from "./api.ts";
import type { RefusedRequest } from "./request-log.ts";
import { shopStorefront } from "./shop-storefront.ts";
import type { Storefront } from "./storefront.ts";

/** An API over a real shop with three products, 100 of each in stock: MUG-1 and BOWL-1 at 2.50, PLATE-1 at 0.125. */
export interface TestShop extends AsyncDisposable {
  readonly shop: Shop;
  readonly api: Api;
  readonly log: readonly RefusedRequest[];
  state: "starting" | "ready" | "stopping";
  call(method: string, path: string, options?: CallOptions): Promise<Answered>;
  /** Places an order for one MUG-1, or what is given, and returns its id. */
  order(more?: object): Promise<string>;
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
export async function openTestShop(
  options: { readonly faults?: FaultMode; readonly storefront?: Partial<Storefront> } = {},
): Promise<TestShop> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "shop-api-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const clock = systemClock;
  const random = seededRandom("api");
  const { faults = "none" } = options;
  const outside = stack.use(await openOutside({ path: join(folder, "outside.db"), faults, seed: 1, clock }));
  const engine = stack.use(await openSqliteEngine({ path: join(folder, "shop.db"), durability: "process", clock }));
  const shop = stack.use(
    await createShop({ engine, outside, clock, random, seed: 1, stock: "tight", releases: "at once" }),
  );
  await fill(shop);
  const closing = new AbortController();
  stack.defer(() => closing.abort());
  const log: RefusedRequest[] = [];
  const nextId = idSource({ clock, random });
  const real = shopStorefront({ shop, clock, nextId, state: () => opened.state, closing: closing.signal });
  const api = createApi({
    storefront: { ...real, ...options.storefront },
    clock,
    nextId,
    log: (entry) => log.push(entry),
  });
  const held = stack.move();
  const opened: TestShop = {
    shop,
    api,
    log,
    state: "ready",
    call: (method, path, options) => call(api, { method, path, ...options }),
    async order(more = {}) {
      const { body, status, text } = await opened.call("POST", "/orders", { json: { ...goodOrder, ...more } });
      if (status !== 202) throw new Error(text);
      return body.id;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
  return opened;
}

async function fill({ catalog, engine, store }: Shop): Promise<void> {
  const products = [
    { code: "MUG-1", name: "Blue mug", price: 25_000 },
    { code: "BOWL-1", name: "Blue bowl", price: 25_000 },
    { code: "PLATE-1", name: "Plate", price: 1_250 },
  ];
  await engine.commit(await catalog.sighted(products));
  for (const { code } of products) await store.execute(stockDecider, code, { kind: "receive", quantity: 100 });
}

type Call = CallOptions & { readonly method: string; readonly path: string };

async function call(api: Api, { method, path, json, headers }: Call): Promise<Answered> {
  const body = typeof json === "string" ? json : JSON.stringify(json);
  const type = json === undefined ? {} : { "content-type": "application/json" };
  const response = await api.fetch(
    new Request(`http://shop.test${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(json === undefined ? {} : { body: body ?? "" }),
    }),
  );
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}
