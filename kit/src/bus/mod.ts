export type { Bus, BusFault, BusMessage, RequestOptions, Responder, Subscriber, Subscription } from "./bus.ts";
export { BusError } from "./errors.ts";
