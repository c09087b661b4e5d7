export type { PaymentMethodName } from "./methods.ts";
export { paymentsFile, paymentsService } from "./service.ts";
