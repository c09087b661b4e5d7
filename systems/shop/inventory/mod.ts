export type { DispatchEvent } from "./dispatch.ts";
export { goodsOf, Inventory, returnToSale, type InventoryOptions, type StockMode } from "./inventory.ts";
export type { Units } from "./units.ts";
export { availableOf, stockDecider, type BackOnSale, type Stock, type StockEvent } from "./stock.ts";
