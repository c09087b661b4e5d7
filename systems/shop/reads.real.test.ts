import { openPostgres, type PostgresDatabase } from "ashlar/drivers/postgres";
import { systemClock } from "ashlar/clock";
import type { Running } from "ashlar/service";
import { expect, test } from "vitest";
import { analytics, catalog, inventory, orders } from "./contracts/mod.ts";
import { testFolder } from "./replay/replay.test-shop.ts";
import { needsPrograms, startReplicated } from "./replicated.test-database.ts";
import { atRest } from "./rest.ts";
import { runShop } from "./shop-run.ts";

type Line = Readonly<Record<string, unknown>>;

const settings = { faults: "none", seed: 1, stock: "tight", sale: "at once", durability: "disk" } as const;
const byProduct = { by: "product" } as const;
/** What the shop promises of reads without a position. */
const staleMaxMs = 5_000;

test(
  "figures come from the replica: as old as five seconds, and behind a position as new as that; one that lags or dies makes none fail and is told of once",
  { timeout: 240_000 },
  async (context) => {
    const bin = needsPrograms(context);
    using folder = testFolder();
    await using pair = await startReplicated(bin, { replication: "asynchronous" });
    const said: Line[] = [];
    await using shop = await runShop(
      { ...settings, data: folder.path, engine: pair.url, reads: pair.replicaUrl },
      { spread: "off", log: (line) => said.push(line) },
    );
    const tellings = (): readonly string[] =>
      said.flatMap(({ message }) => (/reads go/.test(String(message)) ? [String(message)] : []));
    await fill(shop);
    const position = await sold(shop);
    const figures = shop.client(analytics);
    const unitsSold = async (after?: string): Promise<number | undefined> =>
      (await figures.sales({ ...byProduct, after })).rows[0]?.units;

    // What was counted is seen behind its position, and it was the replica that was asked, also for recommendations.
    await using replica = await openPostgres({ url: `${pair.replicaUrl}?target_session_attrs=any` });
    await using primary = await openPostgres({ url: pair.url });
    expect(await unitsSold(position)).toBe(1);
    expect(await tablesAskedOf(replica)).toEqual(["sales_product"]);
    await figures.boughtTogether({ code: "MUG-1", limit: 1 });
    expect(await tablesAskedOf(replica)).toContain("basket");
    expect(await tablesAskedOf(primary)).toEqual([]);

    // It hears no more: figures are old, but not behind a position, and not for longer than is promised.
    await replica.query("select pg_wal_replay_pause()");
    const counted = await sold(shop);
    const countedMs = performance.now();
    expect(await unitsSold()).toBe(1);
    expect(await unitsSold(counted)).toBe(2);
    for (let units: number | undefined = 1; units === 1;) {
      const askedMs = performance.now();
      units = await unitsSold();
      if (units === 1) expect(askedMs - countedMs).toBeLessThan(staleMaxMs);
      await systemClock.sleep(20);
    }
    await expect
      .poll(async () => (await unitsSold(), tellings()), { timeout: 30_000, interval: 100 })
      .toEqual([expect.stringMatching(/^reads go to the primary: the replica postgres:.* is behind/)]);
    // The audit never asks it.
    expect((await figures.audit({})).orders).toBe(2);
    await replica.query("select pg_wal_replay_resume()");
    await expect
      .poll(async () => (await unitsSold(), tellings().at(-1)), { timeout: 30_000, interval: 100 })
      .toMatch(/^reads go to the replica postgres:.* again$/);

    // It dies under readers.
    const before = tellings().length;
    let answered = 0;
    const ended = new AbortController();
    const readers = Array.from({ length: 8 }, async () => {
      while (!ended.signal.aborted) {
        expect(await unitsSold()).toBe(2);
        answered += 1;
      }
    });
    const all = Promise.all(readers);
    await pair.loseReplica();
    const answeredBefore = answered;
    await expect.poll(() => answered, { timeout: 30_000 }).toBeGreaterThan(answeredBefore + 1_000);
    expect(await unitsSold(await sold(shop, "BOWL-1"))).toBe(2);
    expect(tellings().slice(before)).toEqual([expect.stringMatching(/^reads go to the primary: .* is away \(/)]);
    await pair.startReplica();
    await expect.poll(() => tellings().length, { timeout: 60_000, interval: 100 }).toBe(before + 2);
    ended.abort();
    await all;
  },
);

async function fill(shop: Running): Promise<void> {
  const products = ["MUG-1", "BOWL-1"].map((code) => ({ code, name: code, price: 25_000 }));
  await shop.client(catalog).sight({ products });
  await shop.client(inventory).topUp({ shelves: products.map(({ code }) => ({ code, quantity: 100 })) });
}

/** Sells one, waits until it is counted, and tells behind which position that is seen. */
async function sold(shop: Running, product = "MUG-1"): Promise<string | undefined> {
  const items = [{ product, quantity: 1 }];
  await shop.client(orders).place({ customer: "anna", country: "France", items, payment: { method: "card" } });
  expect(await atRest(shop, { clock: systemClock, withinMs: 30_000 })).toBe("at rest");
  const { position } = await shop.client(analytics).status({});
  expect(position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  return position;
}

/** Of which tables the connections for reads have asked a server last, as it says itself. */
async function tablesAskedOf(server: PostgresDatabase): Promise<readonly string[]> {
  const { rows } = await server.query<{ readonly query: string }>(
    "select query from pg_stat_activity where application_name = 'shop analytics reads'",
  );
  return rows.flatMap(({ query }) => /sales_product|basket/.exec(query)?.[0] ?? []);
}
