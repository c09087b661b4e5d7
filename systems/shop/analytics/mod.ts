export { openAnalytics, type Analytics, type Companion, type ProductSales, type Sales } from "./analytics.ts";
