export { shopStorefront, type ShopStorefrontOptions } from "./shop-storefront.ts";
export { createApi, type Api, type ApiOptions } from "./api.ts";
export { jsonLines, type RefusedRequest, type RequestLog } from "./request-log.ts";
export { serveApi, type ApiServer, type ServeOptions } from "./serve.ts";
export type { HealthView } from "./schemas.ts";
export type { HealthDetails, OrderView, ReturnView, SalesRow, Storefront } from "./storefront.ts";
