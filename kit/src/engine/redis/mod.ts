export { openRedisEngine, type RedisEngine, type RedisEngineHealth } from "./engine.ts";
export type { RedisEngineDurability, RedisEngineOptions } from "./options.ts";
