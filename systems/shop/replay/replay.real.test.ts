import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { orders } from "../contracts/mod.ts";
import { orderFile } from "../order-files.test-data.ts";
import { header, runReplay, testFolder, writeOrders } from "./replay.test-shop.ts";
import type { ReplayOutcome } from "./replay.ts";

const august = orderFile("orders-2011-08-11_12.csv.gz");

function broken({ totals }: ReplayOutcome): readonly unknown[] {
  return totals.invariants.filter((invariant) => !invariant.ok);
}

/** Counts the raw file in the plainest way, apart from all code of the shop. The file has no quoted fields and two decimals at most. */
function countByHand(path: string): {
  lines: number;
  orders: number;
  orderedMinor: number;
  adjustedMinor: number;
  writtenOff: number;
  returnLines: number;
} {
  const rows = gunzipSync(readFileSync(path))
    .toString()
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.split(","));
  const counts = { lines: rows.length, orders: 0, orderedMinor: 0, adjustedMinor: 0, writtenOff: 0, returnLines: 0 };
  const orders = new Set<string>();
  for (const row of rows) {
    // From both ends, because a description may hold commas.
    const [invoice = "", quantity = "", price = ""] = [row[0], row.at(-5), row.at(-3)];
    const minor = Math.round(Number(quantity) * Math.round(Number(price) * 100));
    if (invoice.startsWith("A")) counts.adjustedMinor += minor;
    else if (invoice.startsWith("C")) counts.returnLines += 1;
    else if (Number(quantity) < 0) counts.writtenOff -= Number(quantity);
    else {
      counts.orderedMinor += minor;
      orders.add(invoice);
    }
  }
  return { ...counts, orders: orders.size };
}

describe.skipIf(august === undefined)("two days of real orders", () => {
  const file = august ?? "";

  test("give the totals that a plain count of the file gives, and again when they are imported again", async () => {
    using folder = testFolder();
    const expected = countByHand(file);
    const first = await runReplay(folder.path, file);
    expect(broken(first)).toEqual([]);
    expect(first.totals).toMatchObject({
      lines: { read: expected.lines, accepted: expected.lines, quarantined: 0 },
      orders: { placed: expected.orders, confirmed: expected.orders, rejected: {}, open: 0 },
      money: {
        orderedMinor: expected.orderedMinor,
        capturedMinor: expected.orderedMinor,
        adjustedMinor: expected.adjustedMinor,
        ledgerSumMinor: 0,
      },
      stock: { writtenOff: expected.writtenOff, reserved: 0 },
      notifications: { duplicates: 0, dead: 0 },
    });
    expect(first.totals.returns.matched + first.totals.returns.unmatched).toBe(expected.returnLines);
    const copy = join(folder.path, "a copy that is not compressed.csv");
    writeFileSync(copy, gunzipSync(readFileSync(file)));
    const second = await runReplay(folder.path, copy);
    expect(second.totals).toEqual(first.totals);
    expect(second.invoices).toBe(0);
  });

  test("on tight stock with faults give the same totals twice, whole or in three parts", async () => {
    using whole = testFolder();
    using parts = testFolder();
    const settings = { stock: "tight", faults: "some", seed: 3 } as const;
    const once = await runReplay(whole.path, file, { settings });
    expect(broken(once)).toEqual([]);
    for (const limit of [20, 90]) await runReplay(parts.path, file, { settings, limit });
    const { totals } = await runReplay(parts.path, file, { settings });
    expect(totals).toEqual(once.totals);
    expect(Object.keys(totals.orders.rejected).length).toBeGreaterThan(0);
  });

  test("are not mixed with other settings half way", async () => {
    using folder = testFolder();
    await runReplay(folder.path, file, { limit: 3 });
    await expect(runReplay(folder.path, file, { settings: { seed: 2 } })).rejects.toThrow("--seed 1");
  });
});

const time = "2010-12-01 08:26:00";

test("what cannot be understood is kept with file, line and reason, and the rest of its invoice is sold", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "dirty.csv", [
    `536365,85123A,LAMP,6,${time},2.55,17850.0,France`,
    `536365,71053,LANTERN,x,${time},3.39,17850.0,France`,
    header,
    `536365,71053,LANTERN,1,${time},3.39`,
    `536366,22633,"HAND WARMER,1,${time},1.85,17850.0,France`,
    `536366,22632,HAND WARMER,2,${time},1.85,17850.0,France`,
    `536365,22632,AGAIN,2,${time},1.85,17850.0,France`,
  ]);
  const kept: { readonly line: number; readonly reason: string; readonly text: string }[] = [];
  const outcome = await runReplay(folder.path, file, {
    inspect: async (shop) => {
      const first = await shop.client(orders).quarantine({ limit: 3 });
      const second = await shop.client(orders).quarantine({ limit: 3, after: first.next });
      kept.push(...first.lines, ...second.lines);
    },
  });
  expect(broken(outcome)).toEqual([]);
  expect(outcome.totals).toMatchObject({
    lines: { read: 7, accepted: 2, quarantined: 5 },
    orders: { placed: 2, confirmed: 2 },
    money: { orderedMinor: 6 * 255 + 2 * 185 },
  });
  expect(kept.map(({ line, reason }) => [line, reason])).toEqual([
    [3, "a quantity that is no whole number, or 0"],
    [4, "the header again"],
    [5, "6 fields instead of 8"],
    [6, "a quote that is not closed"],
    [8, "an invoice that was imported before"],
  ]);
  expect(kept.at(-1)?.text).toContain("AGAIN");
});

test("thousands of lines in quarantine are all counted", async () => {
  using folder = testFolder();
  const bad = Array.from({ length: 2_500 }, (_, index) => `${600_000 + index},71053,LANTERN,none,${time},3.39,,France`);
  const outcome = await runReplay(folder.path, writeOrders(folder.path, "orders.csv", bad));
  expect(broken(outcome)).toEqual([]);
  expect(outcome.totals.lines).toEqual({ read: 2_500, accepted: 0, quarantined: 2_500 });
});

test("an invoice of another file is not imported a second time", async () => {
  using folder = testFolder();
  const lamp = `536365,85123A,LAMP,6,${time},2.55,17850.0,France`;
  await runReplay(folder.path, writeOrders(folder.path, "first.csv", [lamp]));
  const more = writeOrders(folder.path, "second.csv", [lamp, `536366,85123A,LAMP,1,${time},2.55,17850.0,France`]);
  const { totals } = await runReplay(folder.path, more);
  expect(totals).toMatchObject({ lines: { read: 3, accepted: 2, quarantined: 1 }, orders: { placed: 2 } });
});

test("a return gives back what was paid and puts the goods on sale at the close of the day", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "returns.csv", [
    `536365,85123A,LAMP,6,${time},2.55,17850.0,France`,
    `536366,85123A,LAMP,2,${time},3.00,17850.0,France`,
    `C536367,85123a,LAMP,-3,${time},9.99,17850.0,France`,
    `C536368,71053,LANTERN,-1,${time},1.00,17850.0,France`,
    `C536369,85123A,LAMP,-1,${time},2.55,,France`,
    `536370,85123A,LAMP,4,2010-12-01 17:00:00,2.55,,France`,
    `536371,85123A,LAMP,4,2010-12-02 08:00:00,2.55,,France`,
  ]);
  const { totals } = await runReplay(folder.path, file);
  expect(totals).toMatchObject({
    returns: { matched: 1, unmatched: 2 },
    money: { refundedMinor: 2 * 300 + 255 },
    // The three lamps that came back are sold on the second day: the supplier brings one less than four for it.
    stock: { received: 6 + 2 + 4 + 1, restocked: 3, shipped: 16, onHand: 0 },
  });
});

test("charges are paid and not shipped; an order of charges only has no parcel", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "charges.csv", [`536365,POST,POSTAGE,1,${time},18.00,12583.0,France`]);
  const outcome = await runReplay(folder.path, file);
  expect(broken(outcome)).toEqual([]);
  expect(outcome.totals).toMatchObject({ money: { capturedMinor: 1_800 }, stock: { received: 0, shipped: 0 } });
});

test("a file that is none says so", async () => {
  using folder = testFolder();
  const path = join(folder.path, "notes.txt");
  writeFileSync(path, "dear diary\n");
  await expect(runReplay(folder.path, path)).rejects.toThrow(
    "is not an order file: its first line has no column InvoiceNo",
  );
  writeFileSync(path, "");
  await expect(runReplay(folder.path, path)).rejects.toThrow("is empty");
  writeFileSync(path, gzipSync("InvoiceNo").subarray(0, 15));
  await expect(runReplay(folder.path, path)).rejects.toThrow("its compression");
  await expect(runReplay(folder.path, join(folder.path, "none.csv"))).rejects.toThrow("there is no such file");
  await expect(runReplay(folder.path, folder.path)).rejects.toThrow("it is a folder");
});
