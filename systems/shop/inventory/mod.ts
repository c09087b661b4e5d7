export type { DispatchEvent } from "./dispatch.ts";
export { goodsOf, Inventory, returnToSale, type InventoryOptions, type StockMode, type Units } from "./inventory.ts";
export { availableOf, stockDecider, type BackOnSale, type Stock, type StockEvent } from "./stock.ts";
