import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import { seededRandom } from "ashlar/random";
import { openOutside } from "../outside/mod.ts";
import { createShop, type Shop } from "../shop.ts";
import type { ReplaySettings } from "./progress.ts";
import { replay, type ReplayOutcome } from "./replay.ts";

/** A folder for one test, gone with it. */
export function testFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "shop-replay-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** One run of the replay on the data of `folder`, opened and closed for it; `inspect` sees the shop before it is closed. */
export async function runReplay(
  folder: string,
  file: string,
  options: {
    readonly settings?: Partial<ReplaySettings>;
    readonly limit?: number;
    readonly inspect?: (shop: Shop) => Promise<void>;
  } = {},
): Promise<ReplayOutcome> {
  const settings: ReplaySettings = { stock: "plenty", faults: "none", seed: 1, ...options.settings };
  const { seed, stock, faults } = settings;
  const clock = systemClock;
  await using outside = await openOutside({ path: join(folder, "outside.db"), faults, seed, clock });
  await using engine = await openSqliteEngine({ path: join(folder, "shop.db"), durability: "process", clock });
  await using shop = await createShop({
    engine,
    outside,
    clock,
    seed,
    stock,
    random: seededRandom(seed),
    releases: "at day close",
    views: "on demand",
  });
  const { signal } = new AbortController();
  const outcome = await replay({ shop, clock, settings, signal, path: file, limit: options.limit });
  await options.inspect?.(shop);
  return outcome;
}

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/** Writes an order file of these lines below the header. */
export function writeOrders(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, [header, ...lines, ""].join("\n"));
  return path;
}
