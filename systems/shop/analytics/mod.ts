export {
  openAnalytics,
  type Analytics,
  type Companion,
  type ProductSales,
  type Sales,
  type ViewsMode,
} from "./analytics.ts";
