import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { idSource, systemRandom } from "ashlar/random";
import type { Running } from "ashlar/service";
import { runShop, type ShopPlacement } from "../shop-run.ts";
import type { ShopSettings } from "../settings.ts";
import { replay, type ReplayOutcome } from "./replay.ts";

const nextImporter = idSource({ clock: systemClock, random: systemRandom });

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
    readonly settings?: Partial<Pick<ShopSettings, "stock" | "faults" | "seed">>;
    readonly placement?: Partial<ShopPlacement>;
    readonly limit?: number;
    readonly during?: (shop: Running) => Disposable;
    readonly inspect?: (shop: Running) => Promise<void>;
  } = {},
): Promise<ReplayOutcome> {
  const settings: ShopSettings = {
    data: folder,
    stock: "plenty",
    faults: "none",
    seed: 1,
    sale: "at day close",
    durability: "process",
    ...options.settings,
  };
  const log = (): void => undefined;
  await using shop = await runShop(settings, { spread: "off", log, ...options.placement });
  const outcome = await (async () => {
    using _ = options.during?.(shop) ?? new DisposableStack();
    const { signal } = new AbortController();
    return await replay({
      shop,
      clock: systemClock,
      importer: nextImporter(),
      signal,
      path: file,
      limit: options.limit,
    });
  })();
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
