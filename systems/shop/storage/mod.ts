export { filesAddress, namespaceOf, storageAddress, type StorageAddress } from "./address.ts";
export { readSql, type ReadSql, shopSql, type ShopSql } from "./shop-sql.ts";
export type { ShopEngine, ShopStorage } from "./shop-storage.ts";
export { storageOf } from "./storage.ts";
