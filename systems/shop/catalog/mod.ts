export { Catalog, type Product } from "./catalog.ts";
