export { createApi } from "./api.ts";
export { jsonLines } from "./request-log.ts";
export type { HealthView } from "./schemas.ts";
export { serveApi } from "./serve.ts";
export { shopStorefront } from "./shop-storefront.ts";
export type { OrderView, ReturnView, SalesRow } from "./storefront.ts";
