export { hasEnded } from "./order-view.ts";
export type { OrderLine } from "./order.ts";
export { ordersFile, ordersService } from "./service.ts";
