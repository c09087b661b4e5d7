import { connect } from "node:net";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock as clock } from "ashlar/clock";
import type { Client } from "ashlar/contract";
import { deleteStream, openNats } from "ashlar/drivers/nats";
import { systemRandom as random } from "ashlar/random";
import { describe, expect, test, type TestContext } from "vitest";
import type { catalog } from "../contracts/mod.ts";
import { openSharedCache } from "../storage/mod.ts";
import { openPrices, priced, type Prices } from "./priced.ts";

const redisUrl = process.env["ASHLAR_REDIS"] ?? "redis://127.0.0.1:6379";

const natsUrl = process.env["ASHLAR_NATS"] ?? "nats://127.0.0.1:4222";

async function needsServers(context: TestContext, ...urls: readonly string[]): Promise<void> {
  for (const { hostname, port, protocol } of urls.map((each) => new URL(each))) {
    const isReachable = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port || (protocol === "nats:" ? 4222 : 6379)) });
      socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
    });
    if (!isReachable && process.env["CI"] === undefined)
      context.skip(`nothing at ${protocol}//${hostname}; set ASHLAR_REDIS or ASHLAR_NATS`);
  }
}

describe.each([
  ["Redis alone", undefined],
  ["Redis and NATS", natsUrl],
])("over %s", (_, bus) => {
  test("replicas of the orders share prices, and what one hears has changed none shows any more", async (context) => {
    await needsServers(context, redisUrl, ...(bus === undefined ? [] : [bus]));
    await using resources = new AsyncDisposableStack();
    const namespace = `test_${process.pid}_${random.integer(0, 2 ** 40)}`;
    if (bus !== undefined) {
      const connection = resources.use(await openNats({ url: bus }));
      resources.defer(() => deleteStream(connection, `${namespace}-prices-changes`));
    }
    const replica = async (): Promise<Prices> => {
      const sharing = await openSharedCache(
        { cache: redisUrl, bus, namespace },
        { name: "prices", clock, random, resources },
      );
      return resources.use(await openPrices(sharing, { clock, random }));
    };
    const [one, other] = [await replica(), await replica()];
    let asked = 0;
    let price = 25_000;
    const find: Client<typeof catalog>["find"] = ({ codes }) => {
      asked += 1;
      return Promise.resolve({ products: codes.map((code) => ({ code, name: code, price })) });
    };
    const shelf = { find } as unknown as Client<typeof catalog>;
    const totalAt = async (prices: Prices): Promise<number | undefined> =>
      (await priced(prices, shelf, [{ product: "MUG", quantity: 2 }])).lines[0]?.totalMinor;
    expect([await totalAt(one), await totalAt(other)]).toEqual([500, 500]);
    expect(asked).toBe(1);
    price = 30_000;
    await one.invalidate({ keys: ["MUG"] });
    for (let round = 0; round < 100 && (await totalAt(other)) === 500; round++) await pause(20);
    expect([await totalAt(one), await totalAt(other)]).toEqual([600, 600]);
    expect(asked).toBe(2);
  });
});
