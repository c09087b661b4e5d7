export type { Product } from "./catalog.ts";
export { catalogFile, catalogService } from "./service.ts";
