export { Shipping, type ParcelOutcome, type ShippingOptions } from "./shipping.ts";
