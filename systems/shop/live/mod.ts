export { readStartConfig, startUsage } from "./config.ts";
export { startCommand } from "./start.ts";
export { generatedOrder, type GeneratedOrder } from "./generated-order.ts";
export { openShelves } from "./open-shelves.ts";
