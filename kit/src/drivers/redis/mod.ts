export type { RedisLink, SendOptions } from "./link.ts";
export { openRedis, type RedisDatabase, type RedisHealth } from "./open.ts";
export type { RedisOptions, RedisTls } from "./options.ts";
export { isLost, OutcomeUnknownError, RedisError, type RedisFault } from "./redis-error.ts";
export { redisScript, type RedisScript, type ScriptCall } from "./script.ts";
export type { RedisFacts } from "./server-facts.ts";
export type { Heard, RedisSubscription } from "./subscription.ts";
export type { RedisReply, RedisWord } from "./wire-client.ts";
