export { filesAddress, namespaceOf, storageAddress, type StorageAddress } from "./address.ts";
export { readSql, type ReadSql, shopSql, type ShopSql } from "./shop-sql.ts";
export { storageOf, type ShopEngine, type ShopStorage } from "./storage.ts";
