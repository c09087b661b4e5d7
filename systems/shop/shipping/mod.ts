export { shippingFile, shippingService } from "./service.ts";
