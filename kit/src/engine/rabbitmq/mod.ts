export { openRabbitEngine, type RabbitCounts, type RabbitEngine } from "./engine.ts";
export type { RabbitEngineOptions } from "./options.ts";
