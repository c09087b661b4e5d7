import { existsSync } from "node:fs";
import { join } from "node:path";

/** A file of real orders, or `undefined` where there are none: then tests that need it are skipped.
 *  They are looked for in the folder ASHLAR_DATA, else beside the repository. */
export function orderFile(name: string): string | undefined {
  const folder = process.env["ASHLAR_DATA"] ?? join(import.meta.dirname, "../../../shared/data");
  const path = join(folder, "orders-uci", name);
  return existsSync(path) ? path : undefined;
}
