// A replica of the orders as far as prices go, as a process of its own: node prices.test-replica.ts '{"bus":"nats://…","namespace":"shop"}'.
import process from "node:process";
import { systemClock as clock } from "ashlar/clock";
import type { Client } from "ashlar/contract";
import { systemRandom as random } from "ashlar/random";
import type { catalog } from "../contracts/mod.ts";
import { openSharedCache } from "../storage/mod.ts";
import { openPrices, priced } from "./priced.ts";

/** What it is asked: the total of two of a product, after an invalidation or without. */
export interface Question {
  /** What the catalogue says, in hundredths of a minor unit. */
  readonly price: number;
  readonly first?: "invalidate" | undefined;
}

/** What it answers. */
export interface Answer {
  readonly totalMinor: number | undefined;
  /** How often it has asked the catalogue so far. */
  readonly asked: number;
}

const code = "MUG";
const resources = new AsyncDisposableStack();
const settings = JSON.parse(process.argv[2] ?? "{}") as Parameters<typeof openSharedCache>[0];
const sharing = await openSharedCache(settings, { name: "prices", clock, random, resources });
const prices = resources.use(await openPrices(sharing, { clock, random }));
let asked = 0;

async function answerTo({ price, first }: Question): Promise<Answer> {
  const find: Client<typeof catalog>["find"] = ({ codes }) => {
    asked += 1;
    return Promise.resolve({ products: codes.map((each) => ({ code: each, name: each, price })) });
  };
  if (first === "invalidate") await prices.invalidate({ keys: [code] });
  const shelf = { find } as unknown as Client<typeof catalog>;
  const { lines } = await priced(prices, shelf, [{ product: code, quantity: 2 }]);
  return { totalMinor: lines[0]?.totalMinor, asked };
}

process.on("message", (question: Question) => void answerTo(question).then((answer) => process.send?.(answer)));
process.on("disconnect", () => void resources.disposeAsync());
process.send?.("ready");
