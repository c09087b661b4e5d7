export { filesAddress, namespaceOf, storageAddress, type StorageAddress } from "./address.ts";
export { cacheAddress, openSharedCache, type SharedCache } from "./shared-cache.ts";
export { readSql, type ReadSql, shopSql, type ShopSql } from "./shop-sql.ts";
export type { ShopEngine, ShopStorage } from "./shop-storage.ts";
export { storageOf } from "./storage.ts";
