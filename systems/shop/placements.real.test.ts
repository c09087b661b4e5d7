import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { clientOf, type AnyContract, type Dispatcher } from "ashlar/contract";
import { exerciseContract, type Examples } from "ashlar/contract/conformance";
import { httpDispatcher } from "ashlar/http";
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import {
  accounts,
  analytics,
  cart,
  catalog,
  inventory,
  notifications,
  orders,
  payments,
  shipping,
} from "./contracts/mod.ts";
import { openEdge } from "./edge/mod.ts";
import { runShop, type ShopPlacement } from "./shop-run.ts";

// One suite made from the contracts, over every way in which the shop can run. One shop for all rules of a placement.
const placements: readonly (Partial<ShopPlacement> & {
  readonly name: string;
  readonly over: "the inside" | "HTTP";
})[] = [
  { name: "in one process", over: "the inside" },
  { name: "as if remote", asIfRemote: 3, over: "the inside" },
  { name: "in nine processes", spread: "on", over: "the inside" },
  { name: "over HTTP", over: "HTTP" },
];

const buyer = { country: "France", payment: { method: "card" as const } };
const one = [{ product: "MUG-1", quantity: 1 }];
const goods = [{ code: "BOWL-1", quantity: 1 }];
const cartsMax = 40;

vi.setConfig({ testTimeout: 30_000 });

describe.for(placements)("$name", ({ over, ...placement }) => {
  const data = mkdtempSync(join(tmpdir(), "shop-placement-"));
  const opened = new AsyncDisposableStack();
  let dispatcher: Dispatcher;
  const made = { account: "", order: "", return: "" };
  let numbers = 0;
  const next = (): number => ++numbers;

  beforeAll(async () => {
    let url = "";
    const shop = opened.use(
      await runShop(
        { data, faults: "none", seed: 1, stock: "tight", sale: "at once", durability: "process" },
        {
          spread: "off",
          log: () => undefined,
          async entrance({ system, dispatcher: inside, health }) {
            const log = (): void => undefined;
            const edge = await openEdge({ system, dispatcher: inside, health, port: 0, clock: systemClock, log });
            ({ url } = edge);
            return edge;
          },
          ...placement,
        },
      ),
    );
    const products = ["MUG-1", "BOWL-1"].map((code) => ({ code, name: "Blue thing", price: 25_000 }));
    await shop.client(catalog).sight({ products: [...products, { code: "PIN-1", name: "Pin", price: 1 }] });
    await shop.client(inventory).topUp({ shelves: products.map(({ code }) => ({ code, quantity: 5_000 })) });
    await shop.client(inventory).reserve({ order: "held", goods });
    const ada = { email: "taken@example.org", name: "Ada", country: "England" };
    made.account = (await shop.client(accounts).register(ada)).id;
    const client = shop.client(orders);
    const items = [{ product: "MUG-1", quantity: 500 }];
    made.order = (await client.place({ customer: "anna", items, ...buyer })).id;
    await client.get({ id: made.order, waitSeconds: 30 });
    made.return = (await client.requestReturn({ order: made.order, items: one })).id;
    await client.beginImport({ file: "f", importer: "conformance", name: "f" });
    for (let at = 1; at <= cartsMax; at++)
      await shop.client(cart).put({ customer: `cart${at}`, product: "MUG-1", quantity: 1 });
    await shop.client(cart).put({ customer: "pinner", product: "PIN-1", quantity: 1 });
    dispatcher = over === "HTTP" ? opened.use(httpDispatcher({ url })) : shop.dispatcher;
    await clientOf(catalog, dispatcher).get({ code: "MUG-1" });
  }, 60_000);
  afterAll(async () => {
    await opened.disposeAsync();
    rmSync(data, { recursive: true, force: true });
  });

  function exercise<C extends AnyContract>(contract: C, examples: Examples<C>): void {
    const reachable = Object.entries(examples).filter(
      ([name]) => over === "the inside" || contract.calls[name]?.http !== undefined,
    );
    exerciseContract(contract, {
      test,
      open: () => Promise.resolve({ dispatcher, dispose: () => Promise.resolve() }),
      examples: Object.fromEntries(reachable) as Examples<C>,
    });
  }

  exercise(accounts, {
    register: {
      good: () => ({ email: `a${next()}@example.org`, name: "Ada", country: "England" }),
      refused: { emailTaken: () => ({ email: "TAKEN@example.org", name: "Eve", country: "England" }) },
    },
    get: { good: () => ({ id: made.account }), refused: { noSuchAccount: () => ({ id: "none" }) } },
  });
  exercise(catalog, {
    list: { good: () => ({ search: "thing" }) },
    get: { good: () => ({ code: "mug-1" }), refused: { noSuchProduct: () => ({ code: "NONE" }) } },
    find: { good: () => ({ codes: ["MUG-1", "NONE"] }) },
    sight: { good: () => ({ products: [{ code: "JAR-1", name: "Jar", price: 10_000 }] }) },
  });
  exercise(cart, {
    get: { good: () => ({ customer: "carl" }) },
    put: {
      good: () => ({ customer: "carl", product: "MUG-1", quantity: 3 }),
      refused: { noSuchProduct: () => ({ customer: "carl", product: "NONE", quantity: 1 }) },
    },
    clear: { good: () => ({ customer: "carl" }) },
    checkOut: {
      good: () => ({ customer: `cart${(next() % cartsMax) + 1}`, ...buyer }),
      refused: {
        notForSale: () => ({ customer: "pinner", ...buyer }),
        empty: () => ({ customer: "nobody", ...buyer }),
      },
    },
  });
  exercise(inventory, {
    reserve: { good: () => ({ order: `r${next()}`, goods }) },
    release: { good: () => ({ order: `r${next()}` }) },
    dispatch: { good: () => ({ order: "held" }), refused: { notReserved: () => ({ order: "none" }) } },
    restock: { good: () => ({ return: `r${next()}`, goods }) },
    writeOff: { good: () => ({ invoice: `w${next()}`, goods }) },
    topUp: { good: () => ({ shelves: goods }) },
    closeDay: { good: () => ({}) },
    available: { good: () => ({ codes: ["MUG-1"] }) },
    audit: { good: () => ({}) },
  });
  exercise(payments, {
    charge: { good: () => ({ order: `c${next()}`, payer: "anna", amountMinor: 250 }) },
    refund: { good: () => ({ id: `f${next()}`, order: made.order, payer: "anna", amountMinor: 1 }) },
    adjust: { good: () => ({ id: `a${next()}`, amountMinor: -5 }) },
    audit: { good: () => ({}) },
  });
  exercise(shipping, {
    send: { good: () => ({ order: `s${next()}`, units: 1 }) },
    recall: { good: () => ({ order: "s1" }) },
    parcel: { good: () => ({ order: made.order }), refused: { noParcel: () => ({ order: "none" }) } },
    audit: { good: () => ({}) },
  });
  exercise(orders, {
    place: {
      good: () => ({ customer: "anna", items: one, ...buyer }),
      refused: {
        unknownProducts: () => ({ customer: "anna", items: [{ product: "NONE", quantity: 1 }], ...buyer }),
      },
    },
    get: { good: () => ({ id: made.order }), refused: { noSuchOrder: () => ({ id: "none" }) } },
    list: { good: () => ({ customer: "anna", limit: 1 }) },
    cancel: { refused: { noSuchOrder: () => ({ id: "none" }), tooLate: () => ({ id: made.order }) } },
    requestReturn: {
      good: () => ({ order: made.order, items: one }),
      refused: {
        noSuchOrder: () => ({ order: "none", items: one }),
        notReturnable: () => ({ order: made.order, items: [{ product: "MUG-1", quantity: 9_999 }] }),
      },
    },
    getReturn: { good: () => ({ id: made.return }), refused: { noSuchReturn: () => ({ id: "none" }) } },
    status: { good: () => ({}) },
    beginImport: { good: () => ({ file: "f", importer: "conformance", name: "f" }) },
    importInvoices: {
      good: () => ({ file: "f", importer: "conformance", after: 0, invoices: [] }),
      refused: { conflict: () => ({ file: "f", importer: "another", after: 0, invoices: [] }) },
    },
    finishImport: { good: () => ({ file: "f", importer: "conformance", end: "ahead" as const }) },
    quarantine: { good: () => ({}) },
    audit: { good: () => ({}) },
  });
  exercise(notifications, { status: { good: () => ({}) }, audit: { good: () => ({}) } });
  exercise(analytics, {
    sales: { good: () => ({ by: "product" as const }) },
    boughtTogether: { good: () => ({ code: "MUG-1", limit: 5 }) },
    status: { good: () => ({}) },
    audit: { good: () => ({}) },
  });
});
