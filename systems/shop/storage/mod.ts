export { filesAddress, namespaceOf, readsAddress, storageAddress, type StorageAddress } from "./address.ts";
export { cacheAddress, openSharedCache, type SharedCache } from "./shared-cache.ts";
export { readSql, type ReadSql, shopSql, type ShopSql } from "./shop-sql.ts";
export { type OpenReads, readsOnEngine, type ShopReads } from "./shop-reads.ts";
export type { ShopEngine } from "./shop-engine.ts";
export type { ShopStorage } from "./shop-storage.ts";
export { storageOf } from "./storage.ts";
