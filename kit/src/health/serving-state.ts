/** Whether the process should get work. Only ever moves forward. */
export type ServingState = "starting" | "ready" | "draining" | "stopped";

const order: readonly ServingState[] = ["starting", "ready", "draining", "stopped"];

/** The later of the two: a start that ends after the drain has begun must not ask for work again. */
export function laterState(now: ServingState, next: ServingState): ServingState {
  return order.indexOf(next) > order.indexOf(now) ? next : now;
}
