export { type AmqpBusOptions, openAmqpBus } from "./open.ts";
