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
    expect(await unitsSold(position)).toBe(1);
    await expect.poll(async () => (await unitsSold(), await tablesAskedOf(replica))).toContain("sales_product");
    const recommend = (): Promise<unknown> => figures.boughtTogether({ code: "MUG-1", limit: 1 });
    await expect.poll(async () => (await recommend(), await tablesAskedOf(replica))).toContain("basket");

    // It hears no more: figures are old, but not behind a position, and not for longer than is promised.
    await replica.query("select pg_wal_replay_pause()");
    const freshMs = performance.now();
    expect(await unitsSold()).toBe(1);
    const counted = await sold(shop);
    const countedMs = performance.now();
    const units = await unitsSold();
    // A machine so busy that the sale took longer has no reads left that may be so old.
    if (performance.now() - freshMs < staleMaxMs) expect(units).toBe(1);
    expect(await unitsSold(counted)).toBe(2);
    for (let isOld = true; isOld;) {
      const askedMs = performance.now();
      isOld = (await unitsSold()) === 1;
      if (isOld) expect(askedMs - countedMs).toBeLessThan(staleMaxMs);
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
    await using readers = startReaders(async () => expect(await unitsSold()).toBe(2));
    await pair.loseReplica();
    const answered = readers.answered();
    await expect.poll(readers.answered, { timeout: 60_000 }).toBeGreaterThan(answered + 100);
    expect(await unitsSold(await sold(shop, "BOWL-1"))).toBe(2);
    expect(tellings().slice(before)).toEqual([expect.stringMatching(/^reads go to the primary: .* is away \(/)]);
    await pair.startReplica();
    await expect.poll(() => tellings().length, { timeout: 90_000, interval: 100 }).toBe(before + 2);
  },
);

/** Eight who read without a pause. Closing them rejects when one of their reads failed. */
function startReaders(read: () => Promise<void>): AsyncDisposable & { readonly answered: () => number } {
  let answered = 0;
  const ended = new AbortController();
  const all = Promise.allSettled(
    Array.from({ length: 8 }, async () => {
      while (!ended.signal.aborted) {
        await read();
        answered += 1;
      }
    }),
  );
  return {
    answered: () => answered,
    async [Symbol.asyncDispose]() {
      ended.abort();
      for (const end of await all) if (end.status === "rejected") throw end.reason;
    },
  };
}

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
