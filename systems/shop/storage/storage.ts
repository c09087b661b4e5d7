import type { ShopSettings } from "../settings.ts";
import { readsAddress, storageAddress } from "./address.ts";
import { databaseStorage } from "./database.ts";
import { fileStorage } from "./files.ts";
import type { ShopStorage } from "./shop-storage.ts";

/** The storage that the settings name. Throws UsageError. */
export function storageOf(settings: ShopSettings): ShopStorage {
  const address = storageAddress(settings.engine);
  const replica = readsAddress(settings.reads, address);
  return address.kind === "files" ? fileStorage(settings) : databaseStorage({ address, replica }, settings);
}
