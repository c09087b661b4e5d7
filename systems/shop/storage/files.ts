import { join } from "node:path";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import { UsageError } from "../usage-error.ts";
import { openOutside } from "../outside/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { makeFolder } from "./make-folder.ts";
import { nextRun } from "./run-number.ts";
import { readsOnEngine } from "./shop-reads.ts";
import type { ShopStorage } from "./shop-storage.ts";

/** SQLite files in a folder of this machine, one a service. */
export function fileStorage({ data, durability }: ShopSettings): ShopStorage {
  if (durability === "replicated")
    throw new UsageError("--durability replicated needs an engine with replicas: --engine postgres://…");
  return {
    where: data,
    check: () => makeFolder(data),
    openEngine: (name, { folder, clock }) => openSqliteEngine({ path: join(folder, `${name}.db`), durability, clock }),
    openReads: readsOnEngine,
    openOutside,
    nextRun: () => nextRun(data),
  };
}
